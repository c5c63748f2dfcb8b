"""The engine ``rsyslog``."""

from __future__ import annotations

import os
import socket
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.rsyslog import Rsyslog, Wish, stamp

SETTINGS = settings_of("")
NOW = 1378195872.9  #: Tue Sep  3 08:11:12 2013 UTC


class RsyslogTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(time.tzset)
        self.patch(os, "environ", {**os.environ, "TZ": "UTC"})
        os.putenv("TZ", "UTC")
        self.addCleanup(os.unsetenv, "TZ")
        time.tzset()

    def packets(self, argument: str, record: bytes, **more: object) -> tuple[bytes, ...]:
        engine = Rsyslog(Wish.read(argument), clock=lambda: NOW, **more)  # type: ignore[arg-type]
        return engine.packets(record)

    def test_member(self) -> None:
        """It is registered by its name in uWSGI."""
        self.assertIs(loggers["rsyslog"], Rsyslog)

    def test_packet(self) -> None:
        """Priority, local time with a blank before a short day, id, and the record without one newline."""
        self.assertEqual(
            self.packets("127.0.0.1:514,myapp,165", b"line\n\n"), (b"<165>Sep  3 08:11:12 myapp: line\n",)
        )

    def test_defaults(self) -> None:
        """The priority is daemon.notice, the id the host and uwsgi, the port 514."""
        header = f"<29>Sep  3 08:11:12 {socket.gethostname()} uwsgi: ".encode()
        self.assertEqual(self.packets("127.0.0.1", b"x"), (header + b"x",))
        self.assertEqual(Wish.read("127.0.0.1").address.port, 514)
        self.assertEqual(self.packets("127.0.0.1,,", b"x"), (header + b"x",))

    def test_locale(self) -> None:
        """The names of months are English."""
        self.assertEqual(stamp(NOW)[:3], "Sep")

    def test_long(self) -> None:
        """A longer message is cut where 30 bytes of the packet are left, as uWSGI does."""
        (packet,) = self.packets("127.0.0.1:514,myapp,165", b"x" * 3000 + b"\n")
        self.assertEqual(len(packet), 1022)  # what uWSGI 2.0.21 sends

    def test_long_header(self) -> None:
        """With a long id the message is cut further, so that a packet is sent, which uWSGI does not."""
        (packet,) = self.packets("127.0.0.1,a long name for an application", b"x" * 3000)
        self.assertEqual(len(packet), 1024)
        (packet,) = self.packets("127.0.0.1," + "i" * 2000, b"x" * 3000)
        self.assertEqual((len(packet), packet[-1:]), (1024, b"x"))

    def test_split(self) -> None:
        """rsyslog-split-messages sends it in pieces, each behind a header, and nothing is lost."""
        record = bytes(range(33, 127)) * 30
        packets = self.packets("127.0.0.1,myapp", record + b"\n", split=True, size=100)
        self.assertEqual({packet[:27] for packet in packets}, {b"<29>Sep  3 08:11:12 myapp: "})
        self.assertEqual(b"".join(packet[27:] for packet in packets), record)
        self.assertEqual({len(packet) - 27 for packet in packets[:-1]}, {70})

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=600), st.integers(64, 300), st.text("abc ", min_size=1, max_size=400))
    def test_any_record(self, record: bytes, size: int, ident: str) -> None:
        """Whatever the size and the id are, no packet is too long, and pieces make the record again."""
        for split in (False, True):
            packets = self.packets(f"127.0.0.1,{ident}", record, split=split, size=size)
            self.assertLessEqual(max(map(len, packets)), size)
            header = (f"<29>Sep  3 08:11:12 {ident}: ".encode())[: size - 1]
            self.assertEqual({packet[: len(header)] for packet in packets}, {header})
            if split:
                joined = b"".join(packet[len(header) :] for packet in packets)
                self.assertEqual(joined, record.removesuffix(b"\n"))

    def test_options(self) -> None:
        """The size and whether to split come from the configuration."""
        peer, port = self.udp()
        wanted = settings_of("rsyslog-packet-size = 64\nrsyslog-split-messages = true\n")
        engine = Rsyslog.from_argument(f"127.0.0.1:{port},a", wanted)
        self.addCleanup(engine.close)
        engine.write([b"x" * 50 + b"\n"])
        self.assertEqual([len(peer.recv(999).partition(b": ")[2]) for _ in range(2)], [34, 16])

    def test_second_by_second(self) -> None:
        """The time moves on."""
        now = [NOW]
        engine = Rsyslog(Wish.read("127.0.0.1,i"), clock=lambda: now[0])
        engine.packets(b"x")
        now[0] += 1
        self.assertEqual(engine.packets(b"x"), (b"<29>Sep  3 08:11:13 i: x",))

    def test_families(self) -> None:
        """It goes over IPv6 and to a UNIX socket as well."""
        six, port = self.udp("::1")
        local = self.unix("log")
        for peer, address in ((six, f"[::1]:{port}"), (local, self.path("log"))):
            engine = Rsyslog.from_argument(f"{address},app,0", SETTINGS)
            self.addCleanup(engine.close)
            engine.write([b"line\n"])
            packet = peer.recv(99)
            self.assertEqual((packet[:3], packet[-9:]), (b"<0>", b"app: line"))

    def test_mistakes(self) -> None:
        """Priorities are numbers up to 191, and an address is needed."""
        for argument in ("", "host:x", "host,id,192", "host,id,daemon", "host,id,-1", "host,id,29,more"):
            with self.assertRaises(ConfigError, msg=argument):
                Rsyslog.check_argument(argument, SETTINGS)
        text = str(self.assertRaises(ConfigError, Rsyslog.check_argument, "", SETTINGS))
        self.assertIn("invalid rsyslog syntax", text)
