"""Tests of `uwsgid.languages.python.api_status`."""

from __future__ import annotations

import sys
import time

from tests.languages.python.serving import MASTER, ServerCase
from uwsgid.languages.python import api_status
from uwsgid.languages.python.context import here
from uwsgid.supervise.board import Phase
from uwsgid.testing import MemorySocket


class MasterTests(ServerCase):
    def test_reload_and_stop_are_asked_of_the_master(self) -> None:
        """By one word each; the answer is True."""
        self.assertIs(api_status.reload(), True)
        self.assertIs(api_status.stop(), True)
        self.assertEqual(self.asked, ["reload", "stop"])

    def test_who_is_who(self) -> None:
        """Before the fork there is a master and no worker."""
        ids = api_status.masterpid(), api_status.worker_id(), api_status.mule_id()
        self.assertEqual(ids, (MASTER, 0, 0))
        self.serve()
        self.assertEqual(api_status.worker_id(), 2)
        self.assertIsNone(api_status.i_am_the_spooler())
        here.household = None
        self.assertEqual(api_status.masterpid(), 0)


class NumberTests(ServerCase):
    def test_requests(self) -> None:
        """Of this worker, and of all there were."""
        self.serve()
        self.board.requests[4] = 5
        self.board.requests[0] = 7
        self.board.past_requests[2] = 100
        self.assertEqual((api_status.request_id(), api_status.total_requests()), (5, 112))

    def test_memory_and_time(self) -> None:
        """Bytes and microseconds."""
        rss, vsz = api_status.mem()
        self.assertTrue(0 < rss < vsz)
        self.assertApproximates(api_status.micros() / 1e6, time.time(), 5)

    def test_listen_queue(self) -> None:
        """Of the socket with that number."""
        self.assertRaises(ValueError, api_status.listen_queue)
        from uwsgid.host.addresses import Family
        from uwsgid.host.binding import Listener

        self.household.listeners = (Listener(0, ":0", ":0", 9, Family.INET),)
        socket = MemorySocket(2, 1)
        socket.queued = 3
        self.kernel.descriptors[9] = socket
        self.assertEqual(api_status.listen_queue(), 3)
        self.assertRaises(ValueError, api_status.listen_queue, 1)


class WorkersTests(ServerCase):
    def test_living_and_dead_workers_count_together(self) -> None:
        """requests are those of the slot, delta_requests those of the process that lives."""
        self.serve()
        board = self.board
        board.requests[4], board.past_requests[1] = 5, 10
        board.exceptions[4], board.past_exceptions[1] = 1, 2
        board.tx[4], board.past_tx[1] = 50, 100
        board.running_time[4], board.past_running_time[1] = 7, 8
        board.respawns[1] = 4
        first, second, _ = api_status.workers()
        self.assertEqual((first["id"], first["pid"], first["status"]), (0, 0, b"idle"))
        expected = {
            "id": 2, "pid": 4711, "requests": 15, "delta_requests": 5, "exceptions": 3, "tx": 150,
            "status": b"idle", "running_time": 15, "respawn_count": 4, "last_spawn": 1_600_000_000,
            "signals": 0, "rss": 0, "vsz": 0, "avg_rt": 0, "apps": [],
        }  # fmt: skip
        self.assertEqual(second, expected)

    def test_applications(self) -> None:
        """Each tells the requests that it had in that worker, and texts are bytes."""
        self.serve()
        app = self.apps.add("/a", len, startup_time=1.7, chdir="/srv")
        self.board.phase[4] = Phase.READY
        self.board.app_requests[4 * self.board.apps], self.board.app_exceptions[4 * self.board.apps] = 3, 1
        nobody, own, _ = (worker["apps"] for worker in api_status.workers())
        self.assertEqual(nobody, [])
        self.assertEqual(
            own,
            [
                {
                    "id": 0, "modifier1": 0, "mountpoint": b"/a", "startup_time": 1, "requests": 3,
                    "exceptions": 1, "chdir": b"/srv", "interpreter": id(sys.modules),
                    "callable": id(app.callable),
                }
            ],
        )  # fmt: skip


class SayingTests(ServerCase):
    def test_process_title(self) -> None:
        """It is what the application says, in text or bytes."""
        api_status.setprocname(b"shop")
        self.assertEqual(self.kernel.title, "shop")

    def test_warning_message(self) -> None:
        """80 characters of it are logged."""
        self.assertIs(api_status.set_warning_message("x" * 100), True)
        self.assertEqual(here.warning, "x" * 80)
        self.assertEqual(self.said, [f"*** warning of the application: {'x' * 80} ***"])

    def test_readiness(self) -> None:
        """A worker is ready from its birth to its farewell, and may say that it accepts."""
        self.assertFalse(api_status.ready())
        self.serve()
        self.board.phase[4] = Phase.BORN
        api_status.accepting()
        self.assertEqual(self.board.phase[4], Phase.READY)
        self.assertTrue(api_status.ready())
        self.board.phase[4] = Phase.LEAVING
        self.assertFalse(api_status.ready())
        self.assertEqual(api_status.ready_fd(), -1)
