"""The version of uwsgid, alone in a file so that packaging can read it without importing anything."""

from typing import Final

__version__: Final = "0.1.0"
