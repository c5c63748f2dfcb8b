"""What encoders know of the time at which a record passes.

A record gets the time of the master's clock when it is encoded, not of the process that wrote it, as with
uWSGI (core/logging.c).  Most of it changes once a second and is made that often.
"""

from __future__ import annotations

import time
from typing import Final

from uwsgid.errors import ConfigError

#: Nanoseconds, as `time.time_ns` counts them, of a second and its parts.
SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000
MICROSECOND: Final = 1_000

#: Bytes of what a strftime format can make, with the zero that C puts behind it (core/logging.c).
_STRFTIME_SPACE: Final = 64


def checked_strftime(shape: str) -> str:
    """*shape* as it is.

    :raises ConfigError: strftime can not use it.
    """
    try:
        local_time(shape, 0)
    except ValueError as error:
        raise ConfigError(f"{shape!r} is no strftime format: {error}") from None
    return shape


def local_time(shape: str, second: int) -> bytes:
    """The local time in a strftime format; nothing where it would need 64 bytes or more, as with uWSGI.

    :param second: unix seconds.
    :raises ValueError: strftime can not use the format.
    """
    made = time.strftime(shape, time.localtime(second)).encode("utf-8", "surrogateescape")
    return made if len(made) < _STRFTIME_SPACE else b""
