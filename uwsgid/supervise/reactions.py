"""Reactions to signals, as newborns set them: by numbers, without the enumerations of the module `signal`.

Each process of an instance sets dozens of them before it does anything else.  To make members of an
enumeration of every number would touch, and so copy, much of the memory that it shares with those that it was
forked from.
"""

from __future__ import annotations

import importlib
import signal
from typing import Final

_plain: Final = importlib.import_module("_signal")

#: `signal.signal` and its kin; they take numbers and functions, and return such.
react: Final = _plain.signal
reaction_to: Final = _plain.getsignal
mask_signals: Final = _plain.pthread_sigmask

#: The reactions that are no functions.
DEFAULT: Final = int(signal.SIG_DFL)
IGNORE: Final = int(signal.SIG_IGN)
