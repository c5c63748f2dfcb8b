"""Each record compressed on its own: ``gzip``, ``compress`` and ``zstd``.

What comes out of the first and the last can be put one behind the other in a file, and the file is read by
``zcat`` or ``zstdcat`` as if it had been compressed at once; that is how records get into a file that is cut
nowhere but between records.

Deflating a short record takes little time; getting the memory for it by zlib's defaults, a quarter of a
megabyte for each, can take twenty times as much, where it comes from the system anew.  So window and tables
are fitted to the record: nothing that is further away than its first byte can be referred to anyway.  The
head of a zlib stream names the usual window all the same, by which receivers of GELF, for example, know it.
Any reader takes it.
"""

from __future__ import annotations

import sys
import zlib
from typing import Any, Final

from uwsgid.errors import ConfigError
from uwsgid.families import log_encoders
from uwsgid.logs.encoders import Encoder

#: Added to zlib's number of bits of the window, it asks for the head and the end of gzip.
_GZIP: Final = 16

#: The head of a zlib stream with the usual window (RFC 1950, 2.2).
_ZLIB_HEAD: Final = b"\x78\x9c"

#: For records up to so many bytes: bits of the window, and zlib's level of memory.
_FITTING: Final = ((1 << 10, 10, 4), (1 << 13, 13, 5))


@log_encoders.member("gzip")
def gzip(arguments: str) -> Encoder:
    """Makes a gzip member of each record.  A number from 1 to 9 is the level."""
    return gzip_members(_level("gzip", arguments, 9))


@log_encoders.member("compress")
def compress(arguments: str) -> Encoder:
    """Makes a zlib stream of each record.  A number from 1 to 9 is the level."""
    return zlib_streams(_level("compress", arguments, 9))


@log_encoders.member("zstd")
def zstd(arguments: str) -> Encoder:
    """Makes a zstd frame of each record.  A number from 1 to 19 is the level.

    uWSGI has none.
    """
    level = _level("zstd", arguments, 19)
    compressor: Any
    if sys.version_info >= (3, 14):
        from compression import zstd as standard

        compressor = standard.ZstdCompressor(level=None if level < 0 else level)
        return lambda record: bytes(compressor.compress(record, compressor.FLUSH_FRAME))
    try:
        import zstandard
    except ImportError:
        raise ConfigError("zstd needs the package zstandard: pip install 'uwsgid[zstd]'") from None
    compressor = zstandard.ZstdCompressor(level=3 if level < 0 else level, write_checksum=True)
    squeeze: Encoder = compressor.compress
    return squeeze


def _level(name: str, arguments: str, highest: int) -> int:
    """The level of compression, -1 for the usual one.

    :raises ConfigError: *arguments* is something else.
    """
    text = arguments.strip()
    if not text:
        return -1
    if not (text.isdecimal() and text.isascii() and 1 <= int(text) <= highest):
        raise ConfigError(f"{name}: expected a level from 1 to {highest} or nothing, got {arguments!r}")
    return int(text)


# hot path, watched by bench-logs
def gzip_members(level: int = -1) -> Encoder:
    """What makes a gzip member of each record."""
    start = zlib.compressobj
    (short, short_bits, short_memory), (longer, longer_bits, longer_memory) = _FITTING

    def deflate(record: bytes) -> bytes:
        length = len(record)
        if length <= short:
            stream = start(level, zlib.DEFLATED, short_bits + _GZIP, short_memory)
        elif length <= longer:
            stream = start(level, zlib.DEFLATED, longer_bits + _GZIP, longer_memory)
        else:
            stream = start(level, zlib.DEFLATED, zlib.MAX_WBITS + _GZIP)
        # little or nothing comes before the end, so there is nothing to gain by writing elsewhere
        return stream.compress(record) + stream.flush()

    return deflate


def zlib_streams(level: int = -1) -> Encoder:
    """What makes a zlib stream of each record."""
    start, sum_of = zlib.compressobj, zlib.adler32
    (short, short_bits, short_memory), (longer, longer_bits, longer_memory) = _FITTING

    def deflate(record: bytes) -> bytes:
        length = len(record)
        if length <= short:
            stream = start(level, zlib.DEFLATED, -short_bits, short_memory)
        elif length <= longer:
            stream = start(level, zlib.DEFLATED, -longer_bits, longer_memory)
        else:
            stream = start(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        return b"%b%b%b%b" % (
            _ZLIB_HEAD,
            stream.compress(record),
            stream.flush(),
            sum_of(record).to_bytes(4, "big"),
        )

    return deflate
