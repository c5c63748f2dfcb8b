"""The zygote as its master sees it: what it says, whom it bears, and how it ends."""

from __future__ import annotations

import os
import signal
import socket

from tests.worker.family import Child, FamilyCase
from uwsgid.supervise.appfacts import read_apps
from uwsgid.supervise.board import Phase
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.household import Household
from uwsgid.wire.control import Born, Fork, Leave, Loaded, LoadFailed, Ready, Retire

WHERE = """
import os

loaded = f"{os.getpid()} {os.getcwd()}"

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{loaded} {os.getpid()} {os.getcwd()}".encode()]
"""


class ZygoteCase(FamilyCase):
    def zygote(self, lines: str, generation: int = 1) -> tuple[Household, Child]:
        house = self.household(lines)
        child = self.fork(house, "zygote", generation=generation)
        self.assertEqual(child.hear(Ready).pid, child.pid)
        return house, child

    def bear(
        self,
        house: Household,
        zygote: Child,
        ticket: int = 7,
        seat: int = 0,
        slot: int = 1,
        generation: int = 1,
    ) -> Child:
        """A worker of *zygote*."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        house.board.sit_down(seat, slot, generation, 0.0)
        with theirs:
            zygote.say(Fork(ticket, "worker", slot, seat, generation), theirs.fileno())
        born = zygote.hear(Born)
        self.assertEqual(born.ticket, ticket)
        return self.keep(Child(born.pid, ours))


class LoadingTests(ZygoteCase):
    def test_loads_once(self) -> None:
        """The application is imported in the zygote, and its workers share it."""
        house, zygote = self.zygote(f"wsgi-file = {self.app(WHERE)}")
        loaded = zygote.hear(Loaded)
        self.assertEqual((loaded.apps, loaded.failed), (1, 0))
        self.assertEqual([app.mountpoint for app in read_apps(loaded.about)], [""])
        worker = self.bear(house, zygote)
        self.assertEqual(worker.hear(Ready).pid, worker.pid)
        loader, _, served, _ = self.fetch().decode().split()
        self.assertEqual((int(loader), int(served)), (zygote.pid, worker.pid))
        worker.say(Leave("a test"))
        self.assertEqual(worker.wait(), Exit.END)

    def test_bears_several(self) -> None:
        """One zygote bears as many workers as it is asked for, and dies without them."""
        house, zygote = self.zygote(f"wsgi-file = {self.app(WHERE)}")
        zygote.hear(Loaded)
        workers = [self.bear(house, zygote, ticket, ticket, 1 + ticket) for ticket in range(2)]
        for worker in workers:
            worker.hear(Ready)
        zygote.say(Retire())
        self.assertEqual(zygote.wait(), Exit.OK)
        self.assertIn(int(self.fetch().split()[2]), [worker.pid for worker in workers])

    def test_an_app_that_fails(self) -> None:
        """Without need-app an application that can not be imported is told and does not end the zygote."""
        house, zygote = self.zygote(f"wsgi-file = {self.app('1 / 0')}")
        loaded = zygote.hear(Loaded)
        self.assertEqual((loaded.apps, loaded.failed), (0, 1))
        self.assertIn("ZeroDivisionError", self.said())
        self.assertEqual(self.bear(house, zygote).hear(Ready).pid > 0, True)

    def test_need_app(self) -> None:
        """With need-app it says why, and leaves with 22."""
        _, zygote = self.zygote(f"wsgi-file = {self.app('1 / 0')}\nneed-app = 1")
        self.assertTrue(zygote.hear(LoadFailed).reason)
        self.assertEqual(zygote.wait(), Exit.APP_FAILED)

    def test_an_environment_that_is_not_there(self) -> None:
        """What the configuration asks for and can not be had is told to the master in one line."""
        _, zygote = self.zygote("home = /nix\nwsgi-file = /nix.py")
        self.assertIn("/nix", zygote.hear(LoadFailed).reason)
        self.assertEqual(zygote.wait(), Exit.ERROR)

    def test_the_end_of_the_master(self) -> None:
        """A zygote that nobody talks to leaves."""
        _, zygote = self.zygote(f"wsgi-file = {self.app(WHERE)}")
        zygote.hear(Loaded)
        zygote.channel.close()
        self.assertEqual(zygote.wait(), Exit.OK)

    def test_deaf(self) -> None:
        """What operators send to the master and its workers does not end a zygote."""
        house, zygote = self.zygote(f"wsgi-file = {self.app(WHERE)}")
        zygote.hear(Loaded)
        for number in (1, 2, 3, 10, 12, 15, 20):
            zygote.signal(number)
        self.assertGreater(self.bear(house, zygote).hear(Ready).pid, 0)

    def test_deaf_whatever_the_app_does(self) -> None:
        """Handlers that an application installs at its import do not end a zygote either."""
        text = "import os, signal\nsignal.signal(signal.SIGINT, lambda *_: os._exit(77))\n" + WHERE
        house, zygote = self.zygote(f"wsgi-file = {self.app(text)}")
        zygote.hear(Loaded)
        zygote.signal(signal.SIGINT)
        self.assertGreater(self.bear(house, zygote).hear(Ready).pid, 0)

    def test_chdir2(self) -> None:
        """chdir2 changes the directory after the applications were loaded."""
        house, zygote = self.zygote(f"wsgi-file = {self.app(WHERE)}\nchdir2 = {self.folder}")
        zygote.hear(Loaded)
        self.bear(house, zygote).hear(Ready)
        _, before, _, after = self.fetch().decode().split()
        self.assertEqual((before, after), (os.getcwd(), str(self.folder)))

    def test_chdir2_that_is_not_there(self) -> None:
        """A directory that can not be entered is told to the master."""
        _, zygote = self.zygote(f"wsgi-file = {self.app(WHERE)}\nchdir2 = /nix")
        self.assertEqual(zygote.hear(LoadFailed).reason, "chdir(): No such file or directory [/nix]")
        self.assertEqual(zygote.wait(), Exit.ERROR)


class LazyTests(ZygoteCase):
    def test_lazy_apps(self) -> None:
        """With lazy-apps each worker imports for itself, changes the directory, and says what it has."""
        lines = f"lazy-apps = 1\nwsgi-file = {self.app(WHERE)}\nchdir2 = {self.folder}"
        house, zygote = self.zygote(lines)
        self.assertEqual((zygote.hear(Loaded)).apps, 0)
        worker = self.bear(house, zygote)
        self.assertEqual(worker.hear(Loaded).apps, 1)
        worker.hear(Ready)
        loader, before, served, after = self.fetch().decode().split()
        self.assertEqual((int(loader), int(served)), (worker.pid, worker.pid))
        self.assertEqual((before, after), (os.getcwd(), str(self.folder)))

    def test_need_app(self) -> None:
        """A lazy worker whose application fails leaves with 22 under need-app."""
        house, zygote = self.zygote(f"lazy-apps = 1\nneed-app = 1\nwsgi-file = {self.app('1 / 0')}")
        zygote.hear(Loaded)
        worker = self.bear(house, zygote)
        self.assertTrue(worker.hear(LoadFailed).reason)
        self.assertEqual(worker.wait(), Exit.APP_FAILED)

    def test_need_app_and_one_that_fails(self) -> None:
        """need-app asks for an application, not for all of them: a lazy worker serves those it has."""
        lines = f"lazy-apps = 1\nneed-app = 1\nwsgi-file = {self.app(WHERE)}\nmount = /x=no_such_module:app"
        house, zygote = self.zygote(lines)
        zygote.hear(Loaded)
        worker = self.bear(house, zygote)
        loaded = worker.hear(Loaded)
        self.assertEqual((loaded.apps, loaded.failed), (1, 1))
        worker.hear(Ready)

    def test_a_mount_that_is_a_file(self) -> None:
        """One that fails ends a lazy worker with 22, need-app or not, as uwsgi_mount_loader() does."""
        lines = f"lazy-apps = 1\nwsgi-file = {self.app(WHERE)}\nmount = /x={self.app('1 / 0', 'bad.py')}"
        house, zygote = self.zygote(lines)
        zygote.hear(Loaded)
        worker = self.bear(house, zygote)
        self.assertIn("bad.py on /x", worker.hear(LoadFailed).reason)
        self.assertEqual(worker.wait(), Exit.APP_FAILED)

    def reloaded(self, lines: str) -> Child:
        """A lazy worker of the second generation, beside one of the first that serves."""
        house, zygote = self.zygote(f"lazy-apps = 1\n{lines}", generation=2)
        zygote.hear(Loaded)
        house.board.sit_down(1, 1, 1, 0.0)
        house.board.phase[1] = Phase.READY
        return self.bear(house, zygote, generation=2)

    def test_reload_without_applications(self) -> None:
        """Where none was asked for none can fail, and the new generation serves as the old one did."""
        worker = self.reloaded("")
        loaded = worker.hear(Loaded)
        self.assertEqual((loaded.apps, loaded.failed), (0, 0))
        worker.hear(Ready)

    def test_reload_with_one_that_fails(self) -> None:
        """Beside a generation that serves, a worker has all applications or leaves."""
        worker = self.reloaded(f"wsgi-file = {self.app(WHERE)}\nmount = /x=no_such_module:app")
        self.assertEqual(worker.hear(LoadFailed).reason, "1 of its applications can not be loaded")
        self.assertEqual(worker.wait(), Exit.APP_FAILED)

    def test_one_that_fails_after_the_reload(self) -> None:
        """Once the generation serves alone, a worker that is born later serves what it has."""
        lines = f"lazy-apps = 1\nwsgi-file = {self.app(WHERE)}\nmount = /x=no_such_module:app"
        house, zygote = self.zygote(lines, generation=2)
        zygote.hear(Loaded)
        worker = self.bear(house, zygote, generation=2)
        self.assertEqual(worker.hear(Loaded).failed, 1)
        worker.hear(Ready)

    def test_signals_of_the_app(self) -> None:
        """Handlers that an application installs at its import do not take those of a worker away."""
        text = "import os, signal\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(77))\n" + WHERE
        house, zygote = self.zygote(f"lazy-apps = 1\nwsgi-file = {self.app(text)}")
        zygote.hear(Loaded)
        worker = self.bear(house, zygote)
        worker.hear(Loaded)
        worker.hear(Ready)
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.wait(), Exit.END)

    def test_without_need_app(self) -> None:
        """Without it the worker serves what it has, which is nothing."""
        house, zygote = self.zygote(f"lazy-apps = 1\nwsgi-file = {self.app('1 / 0')}")
        zygote.hear(Loaded)
        worker = self.bear(house, zygote)
        self.assertEqual((worker.hear(Loaded)).failed, 1)
        worker.hear(Ready)
        self.assertIn(b"Internal Server Error", self.fetch())


class SeedTests(FamilyCase):
    def test_a_seed_bears_a_zygote(self) -> None:
        """A spare seed is ready at once, knows no application and bears zygotes."""
        house = self.household(f"wsgi-file = {self.app(WHERE)}")
        seed = self.fork(house, "seed")
        self.assertEqual(seed.hear(Ready).pid, seed.pid)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            seed.say(Fork(1, "zygote", 0, -1, 1), theirs.fileno())
        zygote = self.keep(Child(seed.hear(Born).pid, ours))
        self.assertEqual(zygote.hear(Ready).pid, zygote.pid)
        self.assertEqual(zygote.hear(Loaded).apps, 1)
        seed.channel.close()
        self.assertEqual(seed.wait(), Exit.OK)


class HookTests(ZygoteCase):
    def test_around_the_application(self) -> None:
        """Hooks stand before and behind the loading of applications."""
        text = "print('loading', flush=True)\n" + WHERE
        _, zygote = self.zygote(
            f"wsgi-file = {self.app(text)}\nhook-pre-app = print:before\nhook-post-app = print:behind"
        )
        zygote.hear(Loaded)
        words = [line for line in self.said().splitlines() if line in ("before", "loading", "behind")]
        self.assertEqual(words, ["before", "loading", "behind"])

    def test_failure(self) -> None:
        """One that fails is the end of the first generation, and of no later one."""
        for generation, count in ((1, 1), (2, 0)):
            self._said = ""
            _, zygote = self.zygote(f"wsgi-file = {self.app(WHERE)}\nexec-pre-app = false", generation)
            self.assertIn('exec-pre-app: command "false" exited', zygote.hear(LoadFailed).reason)
            self.assertEqual(zygote.wait(), Exit.ERROR)
            self.assertEqual(self.said().count("FATAL hook failed, destroying instance"), count)
