"""What an emperor gave its vassal."""

from __future__ import annotations

import os
import socket

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.host import emperor
from uwsgid.host.emperor import configuration, descriptors, find, keep_from_commands, receive_config
from uwsgid.wire.vassal import EMPEROR_FD, EMPEROR_FD_CONFIG, pack_config


class FindTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    def test_descriptor(self) -> None:
        """The variable tells the number of a socket."""
        self.assertEqual(find({EMPEROR_FD: str(self.ours.fileno())}), self.ours.fileno())
        self.assertEqual(
            descriptors({EMPEROR_FD: str(self.ours.fileno()), EMPEROR_FD_CONFIG: str(self.theirs.fileno())}),
            (self.ours.fileno(), self.theirs.fileno()),
        )

    def test_by_accident(self) -> None:
        """A variable that tells no socket of this process counts for nothing."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        for text in ("", "abc", "-1", "99999", "1" * 40, "²", str(reading)):
            self.assertIsNone(find({EMPEROR_FD: text}), text)
        self.assertEqual(descriptors({}), ())

    def test_commands_do_not_get_it(self) -> None:
        """It closes on exec, until this process itself is about to execute its next image."""
        environ = {EMPEROR_FD: str(self.ours.fileno())}
        os.set_inheritable(self.ours.fileno(), True)
        keep_from_commands(environ)
        self.assertFalse(os.get_inheritable(self.ours.fileno()))
        keep_from_commands(environ)
        self.assertFalse(os.get_inheritable(self.ours.fileno()))
        keep_from_commands(environ, False)
        self.assertTrue(os.get_inheritable(self.ours.fileno()))


class ConfigurationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=3))
    def test_latest(self, texts: list[bytes]) -> None:
        """Of several configurations that wait, the last one counts."""
        for text in texts:
            self.theirs.sendall(pack_config(text))
        self.assertEqual(receive_config(self.ours.fileno(), 1), texts[-1])

    def test_emperor_closed(self) -> None:
        """An emperor that closes its end after the configuration does no harm."""
        self.theirs.sendall(pack_config(b"[uwsgi]\n"))
        self.theirs.close()
        environ = {EMPEROR_FD_CONFIG: str(self.ours.fileno())}
        self.assertEqual(configuration(environ), "[uwsgi]\n")

    def test_too_late(self) -> None:
        """A part that does not come in time is an error; so is the end before the last byte."""
        self.assertRaises(TimeoutError, receive_config, self.ours.fileno(), 0.01)
        self.theirs.sendall(pack_config(b"[uwsgi]\n")[:-1])
        self.assertRaises(TimeoutError, receive_config, self.ours.fileno(), 0.01)
        self.theirs.close()
        self.assertRaises(ConnectionResetError, receive_config, self.ours.fileno(), 0.01)

    def test_nonsense(self) -> None:
        """Something else, or an empty configuration, is an error with a reason."""
        for data, reason in ((b"HTTP/1.1", "no head of a configuration"), (b"\x73\0\0\0", "empty")):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                theirs.sendall(data)
                error = self.assertRaises(PeerError, receive_config, ours.fileno(), 0.01)
                self.assertIn(reason, str(error))
                theirs.sendall(data)
                problem = self.assertRaises(OSError, configuration, {EMPEROR_FD_CONFIG: str(ours.fileno())})
                self.assertTrue(problem.strerror)

    def test_no_vassal(self) -> None:
        """Who has no emperor is told so in uWSGI's words."""
        error = self.assertRaises(OSError, configuration, {})
        self.assertEqual(error.strerror, "this is not a vassal instance")

    def test_patience(self) -> None:
        """The wait is as long as uWSGI's."""
        self.assertEqual(emperor.PATIENCE, 5)
