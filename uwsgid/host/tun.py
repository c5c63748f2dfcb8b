"""Tun devices: opening one, telling what a descriptor is, and moving packets without ever waiting.

A device lives exactly as long as its descriptor (it is not made persistent), so descriptors are kept across a
reload (`uwsgid.host.kept`), and the addresses that somebody gave the interface stay.  Only layer 3 is used:
``IFF_TUN``, never a tap, and no packet information in front (``IFF_NO_PI``), as in uWSGI (plugins/tuntap).
With ``IFF_VNET_HDR`` a virtio header of 10 bytes stands before each packet, and the kernel may hand over
and take packets of up to 64 KiB that nobody has cut or checksummed yet.

The ioctl numbers are those of the kernel's ``linux/if_tun.h``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pytun

from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.calls import attempt, refused
from uwsgid.interfaces import IKernel

IFF_TUN: Final = 0x0001
IFF_TAP: Final = 0x0002
IFF_NO_PI: Final = 0x1000
IFF_VNET_HDR: Final = 0x4000

TUN_F_CSUM: Final = 0x01
TUN_F_TSO4: Final = 0x02
TUN_F_TSO6: Final = 0x04
TUN_F_TSO_ECN: Final = 0x08
TUN_F_USO4: Final = 0x20
TUN_F_USO6: Final = 0x40

_TUNSETOFFLOAD: Final = 0x400454D0
_TUNGETIFF: Final = 0x800454D2
_TUNGETVNETHDRSZ: Final = 0x800454D7
_IFREQ: Final = struct.Struct("16sH22x")
_NUMBER: Final = struct.Struct("i")

_SEGMENTS: Final = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
#: What is asked for, the most first; a kernel that does not know a bit refuses all of them.
_OFFLOADS: Final = (
    _SEGMENTS | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
    _SEGMENTS | TUN_F_TSO_ECN,
    _SEGMENTS,
    TUN_F_CSUM,
)
#: Bytes of the virtio header; the kernel's default, which nobody of ours changes.
_HEADER: Final = 10

_MAY_NOT: Final = "root may make devices, and whoever has CAP_NET_ADMIN and may open /dev/net/tun"
_NO_TUN: Final = "there is no /dev/net/tun: load the kernel module tun, or let the jail have the file"
#: What to try, by what the kernel says of a device that it does not make.
_HINTS: Final = {
    errno.EPERM: _MAY_NOT,
    errno.EACCES: _MAY_NOT,
    errno.EBUSY: "another process has this device; give ours another name",
    errno.EINVAL: "there is an interface of this name that is no tun device; give ours another name",
    errno.ENOENT: _NO_TUN,
    errno.ENODEV: _NO_TUN,
    errno.ENXIO: _NO_TUN,
}

_LONGEST: Final = 15  #: IFNAMSIZ less its NUL
_NOW: Final = os.RWF_NOWAIT


@dataclass(frozen=True, slots=True)
class Device:
    """An open tun device.

    :ivar fd: non-blocking, closes on exec.
    :ivar name: as the kernel calls it, which may have filled in a ``%d``.
    """

    fd: int
    name: str


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a descriptor of a tun device stands for.

    :ivar name: of the interface, in the network namespace where it was made.
    :ivar flags: ``IFF_…``.
    """

    name: str
    flags: int


def check_name(name: str) -> str:
    """*name*, if the kernel can call an interface so: 1 to 15 bytes, no ``/``, no blanks.  Pure.

    :raises ConfigError: it can not.
    """
    size = len(os.fsencode(name))
    if not 1 <= size <= _LONGEST:
        raise ConfigError(f"device {name!r}: expected a name of 1 to {_LONGEST} bytes, got {size}")
    bad = next((letter for letter in name if letter == "/" or letter.isspace() or letter < " "), "")
    if bad or name in (".", ".."):
        raise ConfigError(f"device {name!r}: the name of a network interface can not have {bad or name!r}")
    return name


def open_device(kernel: IKernel, name: str, *, vnet: bool) -> Device:
    """Make the tun device *name* in the network namespace of this process.

    :param vnet: with a virtio header before each packet; nothing is offloaded until `set_offload`.
    :raises ConfigError: for a name that no interface can have.
    :raises KernelError: where there is no /dev/net/tun, we may not, or somebody has the name.
    """
    check_name(name)
    flags = IFF_TUN | IFF_NO_PI | (IFF_VNET_HDR if vnet else 0)
    try:
        fd, given = kernel.open_tun(name, flags)
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, "")
        raise KernelError(f"{refused('TUNSETIFF', error, name)}{hint and ': '}{hint}") from None
    kernel.set_blocking(fd, False)
    return Device(fd, given)


def set_offload(fd: int, on: bool) -> int:
    """Let the kernel hand over large and unchecksummed packets, or not.

    The device must have been made with ``IFF_VNET_HDR``.

    :return: the ``TUN_F_…`` bits that are in force now, fewer where this kernel knows fewer; 0 for none.
    :raises KernelError: *fd* is no tun device.
    """
    for bits in _OFFLOADS if on else ():
        try:
            fcntl.ioctl(fd, _TUNSETOFFLOAD, bits)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise refused("TUNSETOFFLOAD", error, f"fd {fd}") from None
        else:
            return bits
    attempt("TUNSETOFFLOAD", f"fd {fd}", lambda: fcntl.ioctl(fd, _TUNSETOFFLOAD, 0))
    return 0


def identify(fd: int) -> DeviceFacts:
    """What the descriptor is that somebody handed over.

    Linux says ``IFF_NO_PI`` also of a device that was made without it (drivers/net/tun.c).  The packets of
    such a one have four bytes in front that no IP packet begins with, so that each is dropped.

    :raises KernelError: it is no attached tun device, or none that is read as ours are: a tap, one with
        packet information, or without a virtio header of 10 bytes.
    """
    try:
        answer = fcntl.ioctl(fd, _TUNGETIFF, bytes(_IFREQ.size))
        name, flags = _IFREQ.unpack(answer)
    except OSError as error:
        raise refused("TUNGETIFF", error, "not a tun device") from None
    facts = DeviceFacts(os.fsdecode(name.rstrip(b"\0")), flags)
    if not flags & IFF_TUN or flags & IFF_TAP:
        raise KernelError(f"TUNGETIFF: {facts.name} is not a tun device, layer 3 is expected [{flags:#x}]")
    if not flags & IFF_NO_PI:
        raise KernelError(f"TUNGETIFF: {facts.name} has packet information in front [{flags:#x}]")
    if not flags & IFF_VNET_HDR:
        raise KernelError(f"TUNGETIFF: {facts.name} has no virtio header in front [{flags:#x}]")
    size = _NUMBER.unpack(fcntl.ioctl(fd, _TUNGETVNETHDRSZ, bytes(_NUMBER.size)))[0]
    if size != _HEADER:
        raise KernelError(f"TUNGETVNETHDRSZ: {facts.name} has a virtio header of {size} bytes [{_HEADER}]")
    return facts


def read_some(fd: int, view: bytearray | memoryview) -> int:
    """Read one packet into *view*, without waiting even where somebody made the descriptor blocking.

    A packet that is longer than *view* is cut by the kernel.

    :return: its bytes, virtio header included; 0 where none waits.
    :raises OSError: EBADFD for a device that was taken down with its namespace, or another errno of readv(2).
    """
    try:
        return os.preadv(fd, (view,), 0, _NOW)
    except BlockingIOError:
        return 0


def write_some(fd: int, views: Sequence[bytes | bytearray | memoryview]) -> int:
    """Write one packet, which may be in several pieces, without waiting.

    :return: its bytes; 0 where the device takes none now.  A packet is never taken in part.
    :raises OSError: EINVAL for what is no packet, EIO while the interface is down.
    """
    try:
        return os.pwritev(fd, views, 0, _NOW)
    except BlockingIOError:
        return 0


def make_tun(name: str, flags: int) -> tuple[int, str]:
    """Open /dev/net/tun and attach it: the real `IKernel.open_tun`.

    :raises OSError: as the kernel says.
    """
    try:
        made = pytun.TunTapDevice(name=name, flags=flags)
    except pytun.Error as error:
        raise OSError(error.errno, os.strerror(error.errno)) from None
    try:
        return os.dup(made.fileno()), str(made.name)  # what pytun holds ends with its object
    finally:
        made.close()
