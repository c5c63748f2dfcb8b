"""A vassal that means no good: what it does is its first argument, the router's socket its second.

Each line that it prints is JSON.  It stays until its standard input ends.
"""

import fcntl
import json
import os
import resource
import socket
import struct
import sys

from uwsgid.testing.packets import ipv4, udp
from uwsgid.wire.handover import Answer, Hello
from uwsgid.wire.tunframe import frame

TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
TUNSETSNDBUF = 0x400454D4
TUNSETVNETHDRSZ = 0x400454D8
TUN, TAP, NO_PI, VNET_HDR = 0x1, 0x2, 0x1000, 0x4000
HOST = "192.168.0.1"

kept = []


def say(what):
    print(json.dumps(what), flush=True)


def device(name, flags):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    if name:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return fd


def offer(path, fds, record=None):
    """Why the router refuses; "" where it takes the descriptors."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.settimeout(10)
    client.connect(path + ".dev")
    socket.send_fds(client, [Hello("evil0").pack() if record is None else record], fds)
    answer = Answer.unpack(client.recv(4096))
    kept.append(client)
    return "" if answer.ok else answer.why


def stream(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(path)
    kept.append(client)
    return client


def descriptors(path):
    """Everything but a tun device as it ought to be."""
    reader, writer = os.pipe()
    file = os.open(__file__, os.O_RDONLY)
    offers = {
        "file": [file],
        "pipe": [reader],
        "other end": [writer],
        "socket": [stream(path).fileno()],
        "unattached": [device("", 0)],
        "tap": [device("tap0", TAP | NO_PI | VNET_HDR)],
        "packet information": [device("pi0", TUN | VNET_HDR)],
        "no virtio header": [device("plain0", TUN | NO_PI)],
        "two": [file, reader],
        "none": [],
        "many": [file] * 250,
    }
    sized = device("sized0", TUN | NO_PI | VNET_HDR)
    fcntl.ioctl(sized, TUNSETVNETHDRSZ, struct.pack("i", 12))
    offers["another header"] = [sized]
    say({what: offer(path, fds) for what, fds in offers.items()})
    say(offer(path, [file], b"\xff" * 100))


def twice(path):
    """The same device for two peers."""
    fd = device("evil0", TUN | NO_PI | VNET_HDR)
    say([offer(path, [fd]), offer(path, [fd]), offer(path, [os.dup(fd)])])


def meddle(path):
    """A good device, which its owner goes on to play with."""
    fd = device("evil0", TUN | NO_PI | VNET_HDR)
    os.system("ip link set evil0 up && ip addr add 192.168.0.66/24 dev evil0")
    say(offer(path, [fd]))
    os.set_blocking(fd, True)
    os.system(f"ping -n -c 2 -i 0.2 -W 2 {HOST} >/dev/null")
    say("blocking")
    fcntl.ioctl(fd, TUNSETSNDBUF, struct.pack("i", 1))
    os.system(f"ping -n -c 2 -i 0.2 -W 1 {HOST} >/dev/null")
    fcntl.ioctl(fd, TUNSETOFFLOAD, 0x7)
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", 64))
    os.system(f"ping -n -c 2 -i 0.2 -W 1 {HOST} >/dev/null")
    os.system("ip link set evil0 down")
    say("played")


def crowd(path):
    """Peers that come, say a part of something, and leave."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    whole = frame(ipv4(udp(data=bytes(100)), src="192.168.0.77", dst=HOST))
    for turn in range(4):
        crowd = []
        for number in range(125):
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            client.send(whole[: 1 + (turn * 125 + number) % len(whole)])
            crowd.append(client)
            client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            client.connect(path + ".dev")
            crowd.append(client)
        for client in crowd:
            client.close()
    say("left")


def nonsense(path):
    """Frames and packets that are none."""
    good = ipv4(udp(data=bytes(100)), src="192.168.0.88", dst=HOST)
    for bad in (
        b"\0\0\0\0",
        b"\0\x05\0\x07hello",
        b"\0\x05\0\x01hello",
        b"\0\xff\xff\0" + bytes(70000),
        *(frame(bytes([first]) + good[1:]) for first in (0x05, 0x44, 0x65, 0x75, 0xF5)),
        frame(good[:-1]),
        frame(good + b"x"),
        frame(b"E"),
        frame(ipv4(udp(), src="0.0.0.0", dst=HOST)),
        frame(ipv4(udp(), src="127.0.0.1", dst=HOST)),
        frame(good)[:50],
    ):
        client = stream(path)
        try:
            client.sendall(bad)
        except OSError:
            pass  # the router has closed it already
    say("said")


def deaf(path):
    """A peer that never reads."""
    client = stream(path)
    client.sendall(frame(ipv4(udp(), src="192.168.0.99", dst=HOST)))
    say("deaf")


{call.__name__: call for call in (descriptors, twice, meddle, crowd, nonsense, deaf)}[sys.argv[1]](
    sys.argv[2]
)
sys.stdin.read()
