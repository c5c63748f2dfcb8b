"""What the configuration says about applications in Ruby."""

from __future__ import annotations

import os
from typing import Final

#: What Ruby runs: it loads the applications and forks a child for each core.
SCRIPT: Final = os.path.join(os.path.dirname(__file__), "rack.rb")
