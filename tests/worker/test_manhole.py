"""What statements know in the manhole of a worker."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import threading
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from tests.master.test_operating import documented
from uwsgid.config.settings import settings_of
from uwsgid.manhole.names import namespace
from uwsgid.request.mounts import Apps, Lookup
from uwsgid.request.serving import Farewell, Serving
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.hatch import Hatch
from uwsgid.worker.manhole import open_manhole, worker_names


class ManholeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        board = Board(2)
        board.sit_down(3, 2, 1, 0.0)
        board.phase[3], board.requests[3] = Phase.READY, 4
        self.said: list[str] = []
        self.apps = Apps(Lookup.from_settings(settings_of("")))
        self.serving = cast(
            Serving,
            SimpleNamespace(
                board=board,
                slot=2,
                seat=3,
                apps=self.apps,
                farewell=Farewell(),
                say=self.said.append,
                settings=settings_of(
                    f"manhole = unix:{self.folder}/a\nmanhole = unix:/nonexistent/b\nmanhole-workers = true"
                ),
            ),
        )

    def know(self) -> dict[str, Any]:
        return namespace(worker_names(self.serving))

    def test_the_manual(self) -> None:
        """The manual has a row for each name, in the order of ``help()``, and no other."""
        self.assertEqual(documented("in a worker\n"), [name.form for name in worker_names(self.serving)])

    def test_the_worker(self) -> None:
        """It tells of this process, also where another generation serves already."""
        worker = self.know()["worker"]
        self.assertEqual((worker.slot, worker.pid, worker.generation), (2, os.getpid(), 1))
        self.assertFalse(worker.is_leaving)
        with patch("uwsgid.worker.manhole.os.kill") as kill:
            worker.leave()
            kill.assert_called_once_with(os.getpid(), signal.SIGHUP)

    def test_applications(self) -> None:
        """They are shown as a table and are there as they are."""
        self.assertEqual(repr(self.know()["apps"]), "no application")
        app = self.apps.add("", lambda: None, name="shop.py")
        apps = self.know()["apps"]
        self.assertIs(apps[0], app)
        self.assertIn("shop.py", repr(apps))

    def test_threads(self) -> None:
        """A stack for each thread, but for those of the manhole."""
        go_on = threading.Event()
        threads = [
            threading.Thread(target=go_on.wait, args=(30,), name=name) for name in ("core 3", "manhole keys")
        ]
        for thread in threads:
            thread.start()
        printed: list[str] = []
        with patch("builtins.print", lambda *words, **more: printed.append(str(words[0]))):
            self.know()["threads"]()
        go_on.set()
        for thread in threads:
            thread.join()
        self.assertIn("core 3:", printed)
        self.assertIn("in wait", printed[printed.index("core 3:") + 1])
        self.assertNotIn("manhole keys:", printed)

    def test_doors(self) -> None:
        """Each socket of the master has one beside it; where it can not be, the worker serves without."""
        (door,) = open_manhole(self.serving, None)
        self.assertTrue(os.path.exists(f"{self.folder}/a.worker2"))
        self.assertIn("/nonexistent/b.worker2", self.said[-1])
        door.close("the worker ends")
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_hatch(self) -> None:
        """Whom the master lets in by ssh has a session as well."""
        hatch = Hatch()
        self.addCleanup(hatch.close)
        door, at_hatch = open_manhole(self.serving, hatch.theirs)
        with hatch.guest("ssh:here alice") as guest:
            guest.settimeout(30)
            guest.sendall(b"\0worker.slot\n")
            guest.shutdown(socket.SHUT_WR)
            answer = b""
            while data := guest.recv(100):
                answer += data
        self.assertEqual(answer, b"2\n\x000")
        self.assertRegex(self.said[-3], "manhole session [0-9]+ of worker 2: alice at ssh:here")
        for each in (door, at_hatch):
            each.close("the worker ends")
