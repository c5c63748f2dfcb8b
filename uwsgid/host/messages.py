"""Many records of a socket by one system call: recvmmsg(2), which Python does not offer.

A record of ``SOCK_SEQPACKET`` takes a call of its own otherwise, and half of the time that reading it costs.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
from typing import Final

_MSG_DONTWAIT: Final = 0x40
_LINE: Final = 64  #: places of records begin at multiples of it


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


class Messages:
    """Takes records from a socket, up to *most* at once.

    :param size: bytes that are kept of a record; what a longer one has beyond them is lost.
    :raises OSError: with ENOSYS where the system has no such call.
    """

    def __init__(self, size: int, most: int) -> None:
        try:
            self._call: Final = ctypes.CDLL(None, use_errno=True)["recvmmsg"]
        except AttributeError:
            raise _missing() from None
        if not sys.platform.startswith("linux"):
            raise _missing()
        stride = -(-size // _LINE) * _LINE
        self._most: Final = most
        self._area: Final = mmap.mmap(-1, most * stride)
        self._starts: Final = range(0, most * stride, stride)
        area = ctypes.addressof(ctypes.c_char.from_buffer(self._area))
        self._vectors: Final = (_Vector * most)()
        self._messages: Final = (_Message * most)()
        for index, start in enumerate(self._starts):
            self._vectors[index] = _Vector(area + start, size)
            header = self._messages[index].header
            header.vectors = ctypes.addressof(self._vectors[index])
            header.vector_count = 1
        words = memoryview(self._messages).cast("B").cast("I")
        self._lengths: Final = words[_Message.length.offset // 4 :: ctypes.sizeof(_Message) // 4]
        self._call.argtypes = (
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_void_p,
        )
        self._address: Final = ctypes.addressof(self._messages)

    # hot path, watched by bench-logs
    def take(self, descriptor: int, most: int) -> list[bytes]:
        """The records that are there now, in order; none where there are none.

        :param most: how many at the most.
        :raises OSError: as recvmmsg(2) does, ENOSYS and EPERM where the system does not let us call it.
        """
        count = self._call(descriptor, self._address, min(most, self._most), _MSG_DONTWAIT, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(number, os.strerror(number))
        area = self._area
        lengths = self._lengths[:count].tolist()
        return [area[start : start + length] for start, length in zip(self._starts, lengths, strict=False)]


def _missing() -> OSError:
    return OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
