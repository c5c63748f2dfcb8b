"""Tun devices: in memory, and real ones in a network namespace that goes with the test."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytun
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from uwsgid.errors import ConfigError, KernelError
from uwsgid.host import tun
from uwsgid.host.tun import IFF_NO_PI, IFF_TUN, IFF_VNET_HDR, check_name, identify, open_device
from uwsgid.testing import MemoryKernel


class InMemory(SynchronousTestCase):
    """What is decided before a kernel is asked, and how a refusal reads."""

    def test_opened(self) -> None:
        """A device is opened once, non-blocking, with the flags of its use."""
        kernel = MemoryKernel(uid=0)
        device = open_device(kernel, "emperor0", vnet=True)
        self.assertEqual(device.name, "emperor0")
        self.assertIn(device.fd, kernel.nonblocking)
        self.assertEqual(kernel.calls, [("open_tun", "emperor0", hex(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))])
        self.assertEqual(open_device(kernel, "uwsgi%d", vnet=False).name, "uwsgi0")
        self.assertEqual(open_device(kernel, "uwsgi%d", vnet=False).name, "uwsgi1")
        kernel.close(device.fd)
        self.assertNotIn("emperor0", kernel.devices())

    def test_refused(self) -> None:
        """A refusal names the device and the reason, and says what to try."""
        with self.assertRaisesRegex(KernelError, r"TUNSETIFF: .* not permitted \[emperor0\]: root may"):
            open_device(MemoryKernel(uid=1000), "emperor0", vnet=False)
        kernel = MemoryKernel(uid=0)
        open_device(kernel, "emperor0", vnet=False)
        with self.assertRaisesRegex(KernelError, r"Device or resource busy \[emperor0\]: .*another name"):
            open_device(kernel, "emperor0", vnet=False)

    def test_names(self) -> None:
        """A name has 1 to 15 bytes, no slash and no blanks; the kernel is not even asked for another."""
        for good in ("a", "emperor0", "a" * 15, "é" * 7, "tun%d"):
            self.assertEqual(check_name(good), good)
        for bad in ("", "a" * 16, "é" * 8, "a/b", "a b", "a\tb", "a\nb", ".", "..", "a\0b"):
            with self.assertRaisesRegex(ConfigError, "device "):
                check_name(bad)

    def test_no_device(self) -> None:
        """A file, a pipe, a socket and an unattached device are told from a tun device."""
        reader, writer = os.pipe()
        one, other = socket.socketpair()
        for fd in (reader, writer, one.fileno(), os.open(__file__, os.O_RDONLY), os.open("/dev/null", 2)):
            with self.assertRaisesRegex(KernelError, "TUNGETIFF: .*not a tun device"):
                identify(fd)
            with self.assertRaisesRegex(KernelError, "TUNSETOFFLOAD"):
                tun.set_offload(fd, True)
        one.close()
        other.close()


#: Run by a Python of its own in a namespace of its own: what the test asks for, then its assertions.
_PROLOGUE = """
import errno, os, socket, struct, subprocess
from uwsgid.host import Kernel
from uwsgid.host.tun import *
from uwsgid.host import tun
def ip(*words): subprocess.run(["ip", *words], check=True)
def device(**more):
    made = open_device(Kernel(), "gtun0", **more)
    ip("addr", "add", "192.0.2.1/24", "dev", "gtun0")
    ip("link", "set", "gtun0", "up")
    return made
def datagram(payload=b"hello"):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.sendto(payload, ("192.0.2.2", 9))
def packets(fd):
    "All IPv4 packets that wait; an interface that came up says things of IPv6 as well."
    view, found = bytearray(70000), []
    while size := read_some(fd, view):
        found.append(bytes(view[:size]))
    return [one for one in found if one[10:11] == b"E"]
"""


class Real(SynchronousTestCase):
    """The kernel's own."""

    def run_inside(self, code: str) -> None:
        """Run *code* in a network namespace of its own."""
        if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
            raise SkipTest("needs root and /dev/net/tun")
        done = subprocess.run(
            ["unshare", "-n", sys.executable, "-c", _PROLOGUE + textwrap.dedent(code)],
            cwd=Path(tun.__file__).parent.parent.parent,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_packets(self) -> None:
        """A packet is read whole behind its header; nothing waits, blocking descriptor or not."""
        self.run_inside(
            """
            made = device(vnet=True)
            assert not os.get_blocking(made.fd) and not os.get_inheritable(made.fd)
            datagram()
            (packet,) = packets(made.fd)
            assert packet[10 + 12:10 + 20] == socket.inet_aton("192.0.2.1") + socket.inet_aton("192.0.2.2")
            assert packet.endswith(b"hello")
            os.set_blocking(made.fd, True)
            assert read_some(made.fd, bytearray(100)) == 0
            """
        )

    def test_writing(self) -> None:
        """A packet that is written, in pieces, arrives; what is none is refused and harms nothing."""
        self.run_inside(
            """
            made = device(vnet=False)
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            receiver.bind(("192.0.2.1", 0))
            receiver.settimeout(10)
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 33, 0, 0, 64, 17, 0,
                               socket.inet_aton("192.0.2.2"), socket.inet_aton("192.0.2.1"))
            total = sum(struct.unpack("!10H", head))
            check = 0xFFFF - (total % 0xFFFF)
            head = head[:10] + struct.pack("!H", check) + head[12:]
            body = struct.pack("!HHHH", 7, receiver.getsockname()[1], 13, 0) + b"hello"
            assert write_some(made.fd, [head, memoryview(body)]) == 33
            assert receiver.recv(100) == b"hello"
            try:
                write_some(made.fd, [b"\\xf5" * 40])
            except OSError as error:
                assert error.errno == errno.EINVAL
            else:
                raise AssertionError("no packet was taken for one")
            """
        )

    def test_offload(self) -> None:
        """The kernel says how much of the offload it knows, and takes all of it back."""
        self.run_inside(
            """
            made = device(vnet=True)
            bits = set_offload(made.fd, True)
            assert bits & (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) == 7, bits
            assert set_offload(made.fd, False) == 0
            os.close(made.fd)
            plain = device(vnet=False)
            assert set_offload(plain.fd, False) == 0
            """
        )

    def test_offload_of_an_old_kernel(self) -> None:
        """A kernel that knows fewer kinds of offload is asked for fewer."""
        asked = []

        def ioctl(fd: int, request: int, bits: int) -> None:
            asked.append(bits)
            if bits & ~0x0F:
                raise OSError(errno.EINVAL, "Invalid argument")

        self.patch(fcntl, "ioctl", ioctl)
        self.assertEqual(tun.set_offload(3, True), 0x0F)
        self.assertEqual(asked, [0x6F, 0x0F])

    def test_identified(self) -> None:
        """A device is known by its name and flags; a tap, or one that is read in another way, is not."""
        self.run_inside(
            """
            from uwsgid.errors import KernelError
            made = device(vnet=True)
            assert identify(made.fd) == DeviceFacts("gtun0", identify(made.fd).flags)
            kernel = Kernel()
            for name, flags, why in (
                ("gtap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, "not a tun"),
                ("gplain0", IFF_TUN | IFF_NO_PI, "no virtio header"),
            ):
                fd, _ = kernel.open_tun(name, flags)
                try:
                    identify(fd)
                except KernelError as error:
                    assert name in str(error) and why in str(error), error
                else:
                    raise AssertionError(name)
            """
        )

    def test_packet_information(self) -> None:
        """A device of which the kernel says that it has packet information in front is not one of ours."""

        def ioctl(fd: int, request: int, room: bytes) -> bytes:
            return struct.pack("16sH22x", b"gpi0", IFF_TUN | IFF_VNET_HDR)

        self.patch(fcntl, "ioctl", ioctl)
        self.assertIn("packet information", str(self.assertRaises(KernelError, identify, 3)))

    def test_the_life_of_a_device(self) -> None:
        """A device lives as long as its descriptor, and its name is taken until then."""
        self.run_inside(
            """
            from uwsgid.errors import KernelError
            made = device(vnet=False)
            try:
                open_device(Kernel(), "gtun0", vnet=False)
            except KernelError as error:
                assert "busy" in str(error), error
            else:
                raise AssertionError("two of one name")
            os.close(made.fd)
            assert "gtun0" not in [name for _, name in socket.if_nameindex()]
            """
        )

    def test_numbers(self) -> None:
        """The flags are pytun's."""
        self.assertEqual(
            (tun.IFF_TUN, tun.IFF_TAP, tun.IFF_NO_PI, tun.IFF_VNET_HDR),
            (pytun.IFF_TUN, pytun.IFF_TAP, pytun.IFF_NO_PI, pytun.IFF_VNET_HDR),
        )
        self.assertEqual(struct.calcsize("16sH22x"), 40)
