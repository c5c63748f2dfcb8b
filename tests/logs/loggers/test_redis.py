"""The engine ``redislog``."""

from __future__ import annotations

import io
import socket
from typing import IO

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers import redis
from uwsgid.logs.loggers.engine import NotKept
from uwsgid.logs.loggers.redis import Redis, Wish, command, read_answer

SETTINGS = settings_of("")


def read_command(stream: IO[bytes]) -> list[bytes]:
    """One command, strictly; an empty list at the end."""
    line = stream.readline()
    if not line:
        return []
    assert line[:1] == b"*"
    words = []
    for _ in range(int(line[1:])):
        size = int(stream.readline()[1:])
        words.append(stream.read(size))
        assert stream.read(2) == b"\r\n"
    return words


class RedisTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.commands: list[list[bytes]] = []
        self.answers: dict[bytes, bytes] = {}

    def serve(self, made: socket.socket) -> None:
        with made.makefile("rb") as stream:
            while words := read_command(stream):
                self.commands.append(words)
                answer = self.answers.get(words[-1], b":0\r\n")
                if answer:
                    made.sendall(answer)

    def engine(self, argument: str) -> Redis:
        made = Redis.from_argument(argument, SETTINGS)
        self.addCleanup(made.close)
        return made

    def test_member(self) -> None:
        """It is registered by its name in uWSGI, and may wait."""
        self.assertIs(loggers["redislog"], Redis)
        self.assertTrue(Redis.SLOW)

    def test_commands(self) -> None:
        """A record is the last word, behind the prefix and without one newline; the connection is kept."""
        server = self.server(self.serve)
        engine = self.engine(f"127.0.0.1:{server.port},rpush my list,pre ")
        self.assertEqual(server.connections, 0)
        engine.write([b"one\n\n", b"two\r\n\0"])
        engine.write([b"three"])
        self.assertEqual(
            self.commands,
            [[b"rpush", b"my", b"list", b"pre " + it] for it in (b"one\n", b"two\r\n\0", b"three")],
        )
        self.assertEqual(server.connections, 1)

    def test_defaults(self) -> None:
        """Without a word more it publishes to the channel uwsgi of the server on this host."""
        wish = Wish.read("")
        self.assertEqual((wish.address.host, wish.address.port), ("127.0.0.1", 6379))
        self.assertEqual((wish.words, wish.prefix, wish.password), ((b"publish", b"uwsgi"), b"", b""))

    def test_password_and_database(self) -> None:
        """Both are said first, once for each connection."""
        server = self.server(self.serve)
        engine = self.engine(f"se@cret@127.0.0.1:{server.port}/3")
        engine.write([b"one"])
        engine.write([b"two"])
        self.assertEqual(
            self.commands,
            [
                [b"AUTH", b"se@cret"],
                [b"SELECT", b"3"],
                [b"publish", b"uwsgi", b"one"],
                [b"publish", b"uwsgi", b"two"],
            ],
        )

    def test_wrong_password(self) -> None:
        """What the server says is passed on, the password is not."""
        server = self.server(self.serve)
        self.answers[b"secret"] = b"-WRONGPASS invalid\r\n"
        error = self.assertRaises(NotKept, self.engine(f"secret@127.0.0.1:{server.port}").write, [b"one"])
        self.assertEqual(str(error), f"127.0.0.1:{server.port}: AUTH: WRONGPASS invalid")

    def test_errors(self) -> None:
        """An error is about its own record only."""
        server = self.server(self.serve)
        self.answers[b"two"] = b"-OOM command not allowed\r\n"
        engine = self.engine(f"127.0.0.1:{server.port}")
        error = self.assertRaises(NotKept, engine.write, [b"one", b"two", b"three"])
        self.assertEqual(error.positions, (1,))
        self.assertIn("OOM", str(error))
        error = self.assertRaises(NotKept, engine.write, [b"two", b"three"])
        self.assertEqual(error.positions, (0,))
        self.assertEqual(server.connections, 1)

    def test_comes_back(self) -> None:
        """A connection that the server has closed is replaced, and no record is lost for that."""
        server = self.server(self.serve)
        engine = self.engine(f"127.0.0.1:{server.port}")
        engine.write([b"one"])
        server.hang_up()
        engine.write([b"two"])
        self.assertEqual(([words[-1] for words in self.commands], server.connections), ([b"one", b"two"], 2))

    def test_away(self) -> None:
        """Nobody listens at first, and then somebody does."""
        port = self.away()
        engine = self.engine(f"127.0.0.1:{port}")
        error = self.assertRaises(NotKept, engine.write, [b"one", b"two"])
        self.assertEqual((error.positions, str(error)), ((0, 1), f"127.0.0.1:{port}: Connection refused"))
        self.server(self.serve, port)
        engine.write([b"three"])
        self.assertEqual(self.commands, [[b"publish", b"uwsgi", b"three"]])

    def test_hangs(self) -> None:
        """A server that does not answer is not waited for longer than the time for one step."""
        server = self.server(self.serve)
        self.answers[b"two"] = b""
        self.patch(redis, "TIMEOUT", 0.2)
        engine = self.engine(f"127.0.0.1:{server.port}")
        error = self.assertRaises(NotKept, engine.write, [b"one", b"two"])
        self.assertEqual((error.positions, "timed out" in str(error)), ((1,), True))

    def test_unix(self) -> None:
        """The host may be a path."""
        wish = Wish.read("pass@/run/redis.sock,lpush x")
        self.assertEqual((wish.address.path, wish.password), ("/run/redis.sock", b"pass"))

    def test_mistakes(self) -> None:
        """A port or a database that is none."""
        for argument in ("host:x", "host:1/x"):
            with self.assertRaises(ConfigError, msg=argument):
                Redis.check_argument(argument, SETTINGS)


class ProtocolTests(PeerCase):
    def test_command(self) -> None:
        """Words are counted in bytes."""
        self.assertEqual(command([b"a", b"\xc3\xbc\r\n"]), b"*2\r\n$1\r\na\r\n$4\r\n\xc3\xbc\r\n\r\n")

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.binary(max_size=50), min_size=1, max_size=5))
    def test_any_words(self, words: list[bytes]) -> None:
        """Whatever a word has in it, it is read as it was."""
        self.assertEqual(read_command(io.BytesIO(command(words))), words)

    def test_answers(self) -> None:
        """Every kind of answer is read to its end; errors are told, also from within."""
        data = b"+OK\r\n:3\r\n$2\r\nab\r\n$-1\r\n*2\r\n:1\r\n*1\r\n-ERR deep\r\n*-1\r\n-ERR no\r\n"
        stream = io.BytesIO(data)
        self.assertEqual([read_answer(stream) for _ in range(7)], ["", "", "", "", "ERR deep", "", "ERR no"])
        self.assertEqual(stream.read(), b"")

    def test_nonsense(self) -> None:
        """What is no answer, or ends early, is an error of the connection."""
        for data in (b"", b"+OK", b"HTTP/1.1 400\r\n", b"$x\r\n", b"$5\r\nab", b"*2\r\n:1\r\n"):
            with self.assertRaises(ConnectionError, msg=str(data)):
                read_answer(io.BytesIO(data))
