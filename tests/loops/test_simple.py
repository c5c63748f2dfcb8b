"""The simple loop, and with it the gate."""

from __future__ import annotations

import select
import time
from unittest import mock

from tests.loops import loop_cases
from tests.loops.support import PATIENCE, Worker, get, read_all, read_answer, read_answer_of, request, until
from uwsgid.families import loop_engines
from uwsgid.loops import limits
from uwsgid.loops.simple import Simple


class SimpleTests(loop_cases.GateCase):
    """All that holds of loops."""

    def test_is_chosen_by_name(self) -> None:
        """The engine is known as simple."""
        self.assertIs(loop_engines["simple"], Simple)

    def test_one_request_is_in_hand(self) -> None:
        """Between the accept of a client and its request nobody else is accepted: a kill would cost both."""
        with mock.patch.object(limits, "MOMENT", PATIENCE):
            worker = self.run_worker()
        first, second = self.uwsgi(worker), self.uwsgi(worker)
        second.sendall(request(PATH_INFO="/second"))
        self.assertEqual(select.select([second], [], [], 0.2)[0], [])
        first.sendall(request(PATH_INFO="/first"))
        self.assertTrue(read_all(first).endswith(b"/first"))
        self.assertTrue(read_all(second).endswith(b"/second"))
        until(lambda: len(worker.served) == 2)
        self.assertEqual([served.vars["PATH_INFO"] for served in worker.served], ["/first", "/second"])

    def test_a_head_that_began_is_seen_through(self) -> None:
        """Nor is anybody between the pieces of a head, be it the first or a later one of its connection."""
        with mock.patch.object(limits, "MOMENT", PATIENCE):
            worker = self.run_worker()
        client = self.http(worker)
        for path in ("/1", "/2"):
            whole = get(path)
            client.sendall(whole[:5])
            time.sleep(0.05)  # it has to be the first to be seen
            late = self.uwsgi(worker)
            late.sendall(request())
            self.assertEqual(select.select([late], [], [], 0.1)[0], [])
            client.sendall(whole[5:])
            self.assertEqual(read_answer(client)[1], f"hello {path}".encode())
            self.assertTrue(read_all(late).endswith(b"hello /"))

    def test_a_head_that_takes_its_time_is_parked(self) -> None:
        """A later head of a connection that stops in the middle keeps nobody out for long."""
        worker = self.run_worker()
        client = self.http(worker)
        read_answer_of(client, get("/1"))
        client.sendall(get("/2")[:5])
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        client.sendall(get("/2")[5:])
        self.assertEqual(read_answer(client)[1], b"hello /2")

    def test_silent_clients_cost_little(self) -> None:
        """The first client that says nothing is waited for, those behind it are not."""
        worker = self.run_worker()
        silent = [self.uwsgi(worker) for _ in range(30)]
        began = time.monotonic()
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        self.assertLess(time.monotonic() - began, 30 * limits.MOMENT / 2)
        for client in silent:
            client.sendall(request())
            self.assertTrue(read_all(client).endswith(b"hello /"))

    def test_the_kernel_waits_for_silent_tcp_clients(self) -> None:
        """A TCP client that has sent nothing is not accepted; once the kernel gives up, it had its moment."""
        with mock.patch.object(limits, "MOMENT", PATIENCE):
            worker = self.run_worker(defer=1)
        gate = worker.engine._gate
        silent = self.http(worker)
        for _ in range(3):
            self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        self.assertEqual(len(gate), 0)
        until(lambda: len(gate) == 1)
        began = time.monotonic()
        self.assertTrue(self.ask(worker, request()).endswith(b"hello /"))
        self.assertLess(time.monotonic() - began, PATIENCE / 2)
        self.assertEqual(read_answer_of(silent, get("/late"))[1], b"hello /late")

    def test_who_it_was_woken_for_is_served_before_it_leaves(self) -> None:
        """No other worker knows of a client that a leaving one was woken for."""
        worker = Worker()
        self.addCleanup(worker.stop)
        clients = [self.uwsgi(worker), self.http(worker)]
        gate = worker.engine._gate
        self.addCleanup(gate.shut)
        first = gate.next()
        worker.serving.farewell.bid(0, "a test")
        second = gate.next()
        self.assertEqual(
            {first.listener.fd, second.listener.fd}, {listener.fd for listener in worker.listeners}
        )
        for connection in (first, second):
            gate.close(connection)
        self.assertIs(gate.next(), None)
        self.assertEqual([read_all(client) for client in clients], [b"", b""])
