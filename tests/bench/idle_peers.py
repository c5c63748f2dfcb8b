"""Attaches silent devices to a TunTap router: ``python -m tests.bench.idle_peers SOCKET COUNT READY``.

To be run in a network namespace of its own.  Each device says one datagram, by which the router learns its
address; then the file READY is made, and nothing more happens until the end of this process.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

from uwsgid.host import Kernel
from uwsgid.host.tun import open_device
from uwsgid.wire.handover import Answer, Hello


def main(path: str, count: int, ready: str) -> int:
    """Attach and wait."""
    kernel, kept = Kernel(), []
    for number in range(count):
        device = open_device(kernel, f"peer{number}", vnet=True)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(path)
        socket.send_fds(connection, [Hello(device.name).pack()], [device.fd])
        answer = Answer.unpack(connection.recv(4096))
        if not answer.ok:
            sys.exit(f"refused: {answer.why}")
        kept.append((device, connection))
        for command in (
            f"addr add 192.168.77.{number + 10}/24 dev {device.name}",
            f"link set {device.name} up",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
            voice.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.name.encode())
            voice.sendto(b"here I am", ("192.168.77.1", 9))
    Path(ready).touch()
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
