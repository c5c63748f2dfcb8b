"""Clients that send one byte of a request a second: ``python -m tests.bench.slow_clients PORT NUMBER``.

Each has a connection of its own, and another one when the server had enough of it.  A line is written when
all are connected; the program ends when its standard input does.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from typing import Final

REQUEST: Final = b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: 1000000\r\n\r\n"


class Client:
    """One slow client."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sent = 0
        self.socket = self.connect()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def send(self) -> None:
        """The next byte, of a new request where the last one came to nothing."""
        try:
            self.socket.sendall(REQUEST[self.sent : self.sent + 1] or b"x")
            self.sent += 1
        except OSError:
            self.socket.close()
            self.socket, self.sent = self.connect(), 0


def main(port: int, number: int) -> None:
    clients = [Client(port) for _ in range(number)]
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("connected", flush=True)
    turn = time.monotonic()
    while True:
        for index, client in enumerate(clients):
            client.send()
            # each has its own moment within the second
            if selector.select(max(0.0, turn + (index + 1) / number - time.monotonic())):
                return
        turn += 1


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
