"""What an emperor gave its vassal."""

from __future__ import annotations

import os
import socket
import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.errors import PeerError
from uwsgid.host import emperor
from uwsgid.host.emperor import (
    configuration,
    descriptors,
    find,
    join_by_proxy,
    keep_from_commands,
    receive_config,
)
from uwsgid.wire.vassal import EMPEROR_FD, EMPEROR_FD_CONFIG, PROXY_NAME, pack_config
from uwsgid.wire.zerg import pack


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


class ProxyTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = self.mktemp()
        os.mkdir(folder)
        here = os.getcwd()
        os.chdir(folder)
        self.addCleanup(os.chdir, here)
        self.lines: list[str] = []
        self.waited: list[float] = []

    def serve(self, count: int) -> None:
        """Be a vassal that hands out what it has, once."""
        server = socket.socket(socket.AF_UNIX)
        server.bind("s")
        server.listen()
        pair = socket.socketpair()

        def answer() -> None:
            with server, pair[0], pair[1]:
                connection, _ = server.accept()
                with connection:
                    fds = [end.fileno() for end in (*pair, pair[0])][:count]
                    socket.send_fds(connection, [pack(count, PROXY_NAME)], fds)

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)

    def join(self, **environ: str) -> dict[str, str]:
        """The environment after the try."""
        join_by_proxy(environ, self.lines.append, self.wait)
        for fd in descriptors(environ):
            self.addCleanup(os.close, fd)
        return environ

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        if len(self.waited) == 2:
            self.serve(2)

    def test_joins(self) -> None:
        """Both ends come from the proxy, and do not stay open in programs."""
        self.serve(2)
        environ = self.join(UWSGI_EMPEROR_PROXY="s")
        found = descriptors(environ)
        self.assertEqual(len(found), 2)
        self.assertEqual([os.get_inheritable(fd) for fd in found], [False, False])

    def test_waits(self) -> None:
        """It is tried once a second until there is one; the reason is said once."""
        self.join(UWSGI_EMPEROR_PROXY="s")
        self.assertEqual(self.waited, [1, 1])
        self.assertEqual(self.lines, ["emperor proxy s: No such file or directory"])

    def test_too_many(self) -> None:
        """What else comes is closed."""
        before = len(open_descriptors())
        self.serve(3)
        environ = self.join(UWSGI_EMPEROR_PROXY="s")
        self.assertEqual(len(descriptors(environ)), 2)
        self.assertLessEqual(len(open_descriptors()), before + 6)

    def test_not_asked(self) -> None:
        """Without the variable, or as a vassal already, nobody is asked."""
        self.assertEqual(self.join(), {})
        ours, theirs = socket.socketpair()
        with ours, theirs:
            environ = {EMPEROR_FD: str(ours.fileno()), "UWSGI_EMPEROR_PROXY": "s"}
            join_by_proxy(dict(environ), self.lines.append, self.wait)
        self.assertEqual((self.lines, self.waited), ([], []))
