"""The memory that FreeBSD's jail(2) and jail_set(2) read, byte by byte.

The layouts are those of ``sys/jail.h`` (JAIL_API_VERSION 2) and ``sys/uio.h``.  A pretended C library reads
the memory as the kernel would.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import freebsd
from uwsgid.host.freebsd import JAIL_ATTACH, JAIL_CREATE, JAIL_UPDATE, iovecs, jail_struct


class Library:
    """A C library of FreeBSD's.

    :ivar seen: what the calls were given, read from memory.
    :ivar answer: what they return; *complaint* is written into ``errmsg``.
    """

    def __init__(self, answer: int = 7, complaint: bytes = b"") -> None:
        self.seen: Any = None
        self.answer = answer
        self.complaint = complaint

    def jail(self, argument: Any) -> int:
        place = ctypes.cast(argument, ctypes.c_void_p).value or 0
        version, *texts = struct.unpack("=I4xQQQ", ctypes.string_at(place, 32))
        ip4s, ip6s, ip4, ip6 = struct.unpack("=IIQQ", ctypes.string_at(place + 32, 24))
        self.seen = (
            version,
            [ctypes.string_at(text) if text else None for text in texts],
            ctypes.string_at(ip4, 4 * ip4s) if ip4 else None,
            ctypes.string_at(ip6, 16 * ip6s) if ip6 else None,
        )
        return self.answer

    def jail_set(self, argument: Any, count: Any, flags: Any) -> int:
        place = ctypes.cast(argument, ctypes.c_void_p).value or 0
        numbers = struct.unpack(f"={2 * count.value}Q", ctypes.string_at(place, 16 * count.value))
        pieces = list(zip(numbers[::2], numbers[1::2], strict=True))
        buffer, size = pieces.pop()
        self.seen = ([ctypes.string_at(*piece) if piece[0] else None for piece in pieces], size, flags.value)
        ctypes.memmove(buffer, self.complaint + b"\0", len(self.complaint) + 1)
        if self.answer < 0:
            ctypes.set_errno(errno.EINVAL)
        return self.answer


class LayoutTests(SynchronousTestCase):
    """Pure bytes."""

    def test_struct_of_64_bits(self) -> None:
        """56 bytes: the version is padded to the first pointer, the two counts share a word."""
        made = jail_struct(0x1111, 0x2222, 0x3333, (1, 0x4444), (2, 0x5555), pointer=8)
        self.assertEqual(
            made.hex(" ", 8),
            "0200000000000000 1111000000000000 2222000000000000 3333000000000000 "
            "0100000002000000 4444000000000000 5555000000000000",
        )

    def test_struct_of_32_bits(self) -> None:
        """32 bytes without any padding."""
        made = jail_struct(0x1111, 0x2222, 0, (0, 0), (2, 0x5555), pointer=4)
        self.assertEqual(
            made.hex(" ", 4),
            "02000000 11110000 22220000 00000000 00000000 02000000 00000000 55550000",
        )

    def test_iovecs(self) -> None:
        """Base and length, each as wide as a pointer."""
        pieces = [(0x1111, 5), (0, 0)]
        self.assertEqual(
            iovecs(pieces, 8).hex(" ", 8),
            "1111000000000000 0500000000000000 0000000000000000 0000000000000000",
        )
        self.assertEqual(iovecs(pieces, 4).hex(" ", 4), "11110000 05000000 00000000 00000000")

    def test_flags(self) -> None:
        """The numbers of sys/jail.h."""
        self.assertEqual((JAIL_CREATE, JAIL_UPDATE, JAIL_ATTACH), (1, 2, 4))


class JailTests(SynchronousTestCase):
    """jail(2)."""

    def test_everything(self) -> None:
        """Texts end with a NUL, addresses stand in network order one behind the other."""
        library = Library()
        number = freebsd.jail(
            "/jails/shop", "shop.lan", "the shop", ["10.0.0.1", "10.0.0.2"], ["fd00::1"], library
        )
        self.assertEqual(number, 7)
        self.assertEqual(
            library.seen,
            (
                2,
                [b"/jails/shop", b"shop.lan", b"the shop"],
                bytes((10, 0, 0, 1, 10, 0, 0, 2)),
                bytes((0xFD, *(0,) * 14, 1)),
            ),
        )

    def test_the_least(self) -> None:
        """A jail without a name has none, its host name is empty, and there are no addresses."""
        library = Library()
        freebsd.jail("/jails/shop", "", "", (), (), library)
        self.assertEqual(library.seen, (2, [b"/jails/shop", b"", None], None, None))


class JailSetTests(SynchronousTestCase):
    """jail_set(2)."""

    def test_pairs(self) -> None:
        """Names end with a NUL, values are as they are, a boolean is a null pointer, errmsg comes last."""
        library = Library()
        number = freebsd.jail_set(
            [(b"path", b"/jails/shop\0"), (b"jid", b"\5\0\0\0"), (b"persist", None), (b"meta", b"\0")],
            JAIL_CREATE | JAIL_ATTACH,
            library,
        )
        self.assertEqual(number, 7)
        self.assertEqual(
            library.seen,
            (
                [
                    *(b"path\0", b"/jails/shop\0", b"jid\0", b"\5\0\0\0"),
                    *(b"persist\0", None, b"meta\0", b"\0", b"errmsg\0"),
                ],
                1024,
                5,
            ),
        )

    def test_words_of_the_kernel(self) -> None:
        """Where the kernel says what is wrong, that is what the error says."""
        library = Library(-1, b"path is not there")
        error = self.assertRaises(OSError, freebsd.jail_set, [(b"path", b"/x\0")], 1, library)
        self.assertEqual((error.errno, error.strerror), (errno.EINVAL, "path is not there"))
        library.complaint = b""
        error = self.assertRaises(OSError, freebsd.jail_set, [(b"path", b"/x\0")], 1, library)
        self.assertEqual(error.strerror, "Invalid argument")

    def test_other_systems(self) -> None:
        """A C library without these calls is ENOSYS."""
        for call in (
            lambda: freebsd.jail("/", "", "", (), (), object()),
            lambda: freebsd.jail_set((), 0, object()),
        ):
            self.assertEqual(self.assertRaises(OSError, call).errno, errno.ENOSYS)
