"""The other sides of a router of ours: datagrams between routers, and statistics by HTTP."""

from __future__ import annotations

import json
import sys
from typing import Final

from tests.live.daemon import Daemon
from tests.live.namespaces import Space
from tests.live.support import wait_until
from tests.live.tunnels import VASSAL, TunTapCase, fetch_in

FAR: Final = "10.99.0.2"
SIZE: Final = 3 << 20  #: bytes of a stream between vassals

ANSWERS: Final = f"""
import socket
server = socket.create_server(({FAR!r}, 0))
print(server.getsockname()[1], flush=True)
client, _ = server.accept()
client.sendall(bytes({SIZE}))
client.close()
"""

ASKS: Final = """
import socket
client = socket.create_connection(({host!r}, {port}), 30)
size = 0
while data := client.recv(1 << 16):
    size += len(data)
print(size)
"""


class SidesTests(TunTapCase):
    def join(self, space: Space, address: str, socket: str, name: str) -> Daemon:
        """A vassal whose hooks do what is needed."""
        return self.start(
            space,
            f"tuntap-device = uwsgi0 {socket}\n"
            f"exec-as-root = ip addr add {address}/24 dev uwsgi0\n"
            "exec-as-root = ip link set uwsgi0 up\n"
            "exec-as-root = ip route add default dev uwsgi0",
            name,
            "uwsgid",
        )

    def test_datagrams_between_routers(self) -> None:
        """Two routers of two instances send each other packets in datagrams, and their vassals meet."""
        near = self.start(
            self.host,
            f"tuntap-router = near0 {self.socket} {self.path('stats')} 127.0.0.1:4001\n"
            "tuntap-router-route = any 10.99.0.0/24 127.0.0.1:4002\n"
            "exec-as-root = ip link set near0 up",
            "near",
            "uwsgid",
        )
        far = self.start(
            self.host,
            f"tuntap-router = spare0 {self.path('spare.sock')}\n"
            f"tuntap-router = far0 {self.path('far.sock')} - 127.0.0.1:4002\n"
            "tuntap-router-route = any 192.168.0.0/24 127.0.0.1:4001\n"
            "exec-as-root = ip link set far0 up",
            "far",
            "uwsgid",
        )
        near.wait_for(r"spawned uWSGI tuntap router 1 ")
        far.wait_for(r"spawned uWSGI tuntap router 2 ")
        self.assertEqual(far.seen("without a gateway it ignores tuntap-router-route"), 1)
        other = self.net.space("W")
        self.join(self.vassal, VASSAL, self.socket, "v")
        self.join(other, FAR, self.path("far.sock"), "w")
        wait_until(lambda: self.vassal.answers(FAR), "one vassal reaches the other")
        wait_until(lambda: other.answers(VASSAL), "and the other one it")
        server = self.run_daemon([*other.prefix, sys.executable, "-c", ANSWERS])
        port = int(server.wait_for(r"^(\d+)$")[1])
        got = self.vassal.run(sys.executable, "-c", ASKS.format(host=FAR, port=port))
        self.assertEqual(int(got), SIZE)
        self.assertGreater(self.peers()[0]["rx_packets"], 10)

    def test_statistics_by_http(self) -> None:
        """A browser gets the statistics without any option."""
        router = self.start(
            self.host, f"tuntap-router = emperor0 {self.socket} 127.0.0.1:5001", "r", "uwsgid"
        )
        router.wait_for(r"spawned uWSGI tuntap router 1 ")
        document = json.loads(fetch_in(self.host, "http://127.0.0.1:5001/"))
        self.assertEqual((document["router"]["device"], document["peers"]), ("emperor0", []))
