"""The engine ``systemd``."""

from __future__ import annotations

import fcntl
import os
import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import NotKept
from uwsgid.logs.loggers.journal import Journal, entry


def read_entry(data: bytes) -> dict[str, bytes]:
    """The fields of an entry of the native protocol."""
    found = {}
    while data:
        line, _, rest = data.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
            data = rest
        else:
            name, size = line, int.from_bytes(rest[:8], "little")
            value, data = rest[8 : 8 + size], rest[8 + size :]
            assert data[:1] == b"\n"
            data = data[1:]
        found[name.decode()] = value
    return found


class EntryTests(PeerCase):
    def test_newlines(self) -> None:
        """A value with a newline has its length before it."""
        fields = {b"A": b"b=c", b"MESSAGE": b"two\nlines"}
        self.assertEqual(read_entry(entry(fields)), {"A": b"b=c", "MESSAGE": b"two\nlines"})

    @settings(max_examples=100, deadline=None)
    @given(st.dictionaries(st.from_regex("[A-Z][A-Z0-9_]{0,9}", fullmatch=True), st.binary(max_size=200)))
    def test_any_value(self, fields: dict[str, bytes]) -> None:
        """Whatever a value has in it, it is read as it was, and forges no field."""
        self.assertEqual(read_entry(entry({name.encode(): it for name, it in fields.items()})), fields)


class JournalTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.unix("journal")
        self.engine = Journal("shop", self.path("journal"))
        self.addCleanup(self.engine.close)

    def test_member(self) -> None:
        """It is registered by its name in uWSGI, and may wait."""
        self.assertIs(loggers["systemd"], Journal)
        self.assertTrue(Journal.SLOW)

    def test_entry(self) -> None:
        """Each line that is not empty is an entry with its text, its level and the ident."""
        self.engine.write([b"a=b\n", b"two \n \nlines\n", b"\n", b"end"])
        common = {"PRIORITY": b"6", "SYSLOG_IDENTIFIER": b"shop"}
        for message in (b"a=b", b"two", b"lines", b"end"):
            self.assertEqual(read_entry(self.peer.recv(999)), {"MESSAGE": message, **common})

    def test_long(self) -> None:
        """What no datagram holds comes as sealed memory."""
        record = b"x" * 1_000_000
        self.engine.write([record + b"\n"])
        data, descriptors, _, _ = socket.recv_fds(self.peer, 99, 1)
        self.assertEqual((data, len(descriptors)), (b"", 1))
        with open(descriptors[0], "rb") as memory:
            seals = fcntl.fcntl(memory, fcntl.F_GET_SEALS)
            self.assertTrue(seals & fcntl.F_SEAL_WRITE and seals & fcntl.F_SEAL_GROW)
            memory.seek(0)
            self.assertEqual(read_entry(memory.read())["MESSAGE"], record)

    def test_away(self) -> None:
        """Without a journal the records are not kept; a new one is found."""
        self.engine.write([b"one"])
        self.peer.close()
        os.unlink(self.path("journal"))
        self.assertRaises(NotKept, self.engine.write, [b"two"])
        again = self.unix("journal")
        self.engine.write([b"three"])
        self.assertEqual(read_entry(again.recv(999))["MESSAGE"], b"three")

    def test_argument(self) -> None:
        """The ident is uwsgi where none is given."""
        nothing = settings_of("")
        self.assertEqual(Journal.from_argument("", nothing)._ident, b"uwsgi")
        self.assertEqual(Journal.from_argument("shop", nothing)._ident, b"shop")
        self.assertRaises(ConfigError, Journal.check_argument, "a\nb", nothing)
