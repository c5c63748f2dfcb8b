"""The two ways to write a document: with tabs, as uWSGI does, and without any blanks.

Both escape what JSON wants escaped; uWSGI 1.9.16 did not, and a quote in a path broke its document.
"""

from __future__ import annotations

import json
from typing import Any


def layout(document: Any, minified: bool = False) -> bytes:
    """*document* as JSON, in ASCII and without a newline at its end."""
    indent = None if minified else "\t"
    return json.dumps(document, indent=indent, separators=(",", ":")).encode("ascii")
