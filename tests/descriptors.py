"""What tests ask about descriptors."""

from __future__ import annotations

import gc
import os


def open_descriptors() -> set[str]:
    """The numbers that are open here, after what nobody uses any more has given back its own.

    Without that, what an earlier test left to the collector is closed while a later one counts.
    """
    gc.collect()
    return set(os.listdir("/proc/self/fd"))
