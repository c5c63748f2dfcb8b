"""Tests of uwsgid.languages.foreign.bridge, with interpreters that say nothing."""

from __future__ import annotations

import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.languages.foreign import bridge as module
from uwsgid.languages.foreign.bridge import Bridge
from uwsgid.languages.foreign.language import Plan
from uwsgid.languages.foreign.line import Line
from uwsgid.request.mounts import Apps

PATIENCE = 30.0


class FarewellTests(SynchronousTestCase):
    """The end of a worker."""

    def setUp(self) -> None:
        plan = Plan("Perl", "PSGI app", "uwsgi-perl", 5, ("perl",), "psgi", (), (), "none")
        self.bridge = Bridge(plan, Apps(), lambda text: None)
        ours, self.theirs = socket.socketpair()
        self.theirs.settimeout(PATIENCE)
        self.addCleanup(self.theirs.close)
        self.bridge._lines = [Line(ours.detach(), 1, lambda payload: b"", lambda payload: None)]
        self.patch(module, "_FAREWELL", 10 * PATIENCE)
        self.leaving = threading.Thread(target=self.bridge.at_exit, daemon=True)

    def test_an_idle_interpreter(self) -> None:
        """It hears that there will be no request any more, and is waited for."""
        self.leaving.start()
        self.assertEqual(self.theirs.recv(1), b"")
        self.theirs.send(b"still here")
        self.theirs.close()
        self.leaving.join(PATIENCE)
        self.assertFalse(self.leaving.is_alive())

    def test_one_that_was_lent(self) -> None:
        """Whoever has it does not look at the line, so that nobody waits for it."""
        self.bridge.lend(0)
        self.leaving.start()
        self.leaving.join(PATIENCE)
        self.assertFalse(self.leaving.is_alive())
        self.assertRaises(BrokenPipeError, self.theirs.send, b"still here")
