"""Vassals that outlive their emperor, with real processes that are no vassals."""

from __future__ import annotations

import os
import select
import signal
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.keeping import Keeping, Link, Survivor, ask_for_survivors
from uwsgid.supervise.seed import serve_births
from uwsgid.wire.control import MAX_RECORD, Born, Hold, Release, Spawn


def wait_for_end(pidfd: int) -> bool:
    """Whether the process ends within ten seconds."""
    return bool(select.select([pidfd], [], [], 10)[0])


class Links(SynchronousTestCase):
    """What boot makes."""

    def setUp(self) -> None:
        self.link = Link.make()
        for descriptor in (self.link.emperor, self.link.nest, self.link.lock):
            self.addCleanup(os.close, descriptor)

    def test_holder(self) -> None:
        """The lock tells who the nest is, until that process ends."""
        self.assertEqual(self.link.holder(), 0)
        ready, go = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.link.take_lock()
            os.write(go, b".")
            signal.pause()
            os._exit(0)
        os.read(ready, 1)
        self.assertEqual(self.link.holder(), pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.assertEqual(self.link.holder(), 0)
        os.close(ready)
        os.close(go)

    def test_drain(self) -> None:
        """What a nest did not hear any more is thrown away, with its descriptors."""
        told, tell = os.pipe()
        with socket.socket(fileno=os.dup(self.link.emperor)) as channel:
            socket.send_fds(channel, [b"x"], [tell])
        os.close(tell)
        self.link.drain()
        self.assertEqual(os.read(told, 1), b"")
        os.close(told)

    def test_silence(self) -> None:
        """A nest that does not answer has no survivors."""
        self.assertIsNone(ask_for_survivors(self.link, 0.05))


class Quiet:
    """A nest whose vassals wait for a signal."""

    def __init__(self) -> None:
        self.keeping = Keeping()
        self.born = self.keeping.born
        self.hear = self.keeping.hear

    def is_for_steward(self, record: Spawn) -> bool:
        return bool(record.simple)

    def is_prepared(self, record: Spawn) -> bool:
        return False

    def prepare(self, record: Spawn) -> None:
        """Nothing."""

    def bear(self, record: Spawn, descriptors: list[int]) -> None:
        self.keeping.close_all()
        # whoever holds the other end of its pipe lets it live
        select.select([descriptors[0]], [], [])
        os._exit(0)


class Outliving(SynchronousTestCase):
    """An emperor that is gone: this process plays it, and its successor."""

    def setUp(self) -> None:
        self.link = Link.make()
        self.nest = os.fork()
        if self.nest == 0:
            try:
                os.close(self.link.emperor)
                serve_births(socket.socket(fileno=self.link.nest), _nobody, Quiet())
            finally:
                os._exit(0)
        os.close(self.link.nest)
        self.channel = socket.socket(fileno=self.link.emperor)
        self.addCleanup(os.close, self.link.lock)
        self.addCleanup(self.end)

    def end(self) -> None:
        self.channel.close()
        os.waitpid(self.nest, 0)

    def bear(self) -> tuple[int, socket.socket]:
        """A vassal's pid and our end of its pipe."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        with theirs:
            socket.send_fds(self.channel, [Spawn(1, "").pack()], [theirs.fileno()])
        answer = self.channel.recv(MAX_RECORD)
        pid = int.from_bytes(answer[5:9], "little")
        self.assertEqual(answer, Born(1, pid).pack())
        pidfd = os.pidfd_open(pid)
        self.addCleanup(os.close, pidfd)
        self.pidfd = pidfd
        return pid, ours

    def survivors(self) -> list[Survivor]:
        found = ask_for_survivors(self.link)
        assert found is not None
        for survivor in found:
            for descriptor in survivor.descriptors:
                self.addCleanup(os.close, descriptor)
        return found

    def test_held(self) -> None:
        """Whoever is held lives on when its emperor is gone, and its successor gets the pipe."""
        pid, pipe = self.bear()
        socket.send_fds(self.channel, [Hold(pid, "one").pack()], [pipe.fileno()])
        self.channel.send(Hold(pid, "two").pack())
        pipe.close()
        (survivor,) = self.survivors()
        self.assertEqual((survivor.pid, survivor.about, len(survivor.descriptors)), (pid, "two", 2))
        self.assertEqual(select.select([self.pidfd], [], [], 0)[0], [])
        self.channel.send(Release(pid).pack())
        os.write(survivor.descriptors[0], b".")
        self.assertTrue(wait_for_end(survivor.descriptors[1]))

    def test_not_held(self) -> None:
        """Whoever was born and not held yet is ended, before anybody could have it twice."""
        self.bear()
        self.assertEqual(self.survivors(), [])
        self.assertTrue(wait_for_end(self.pidfd))

    def test_dead(self) -> None:
        """Whoever died meanwhile is no survivor."""
        pid, pipe = self.bear()
        socket.send_fds(self.channel, [Hold(pid, "one").pack()], [pipe.fileno()])
        pipe.send(b".")
        self.assertTrue(wait_for_end(self.pidfd))
        self.assertEqual(self.survivors(), [])

    def test_released(self) -> None:
        """For whoever was released nothing is kept."""
        pid, pipe = self.bear()
        socket.send_fds(self.channel, [Hold(pid, "one").pack()], [pipe.fileno()])
        self.channel.send(Release(pid).pack())
        self.assertEqual(self.survivors(), [])
        pipe.close()
        self.assertTrue(wait_for_end(self.pidfd))

    def test_the_end_of_all(self) -> None:
        """When nobody is left who could talk with the nest, it ends, and all its vassals."""
        pid, pipe = self.bear()
        socket.send_fds(self.channel, [Hold(pid, "one").pack()], [pipe.fileno()])
        pipe.close()
        self.channel.close()
        self.assertTrue(wait_for_end(self.pidfd))


def _nobody(record: object, descriptors: list[int]) -> None:
    raise AssertionError("nobody asked for a child")
