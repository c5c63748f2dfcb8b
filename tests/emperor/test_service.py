"""The emperor's decisions, without processes."""

from __future__ import annotations

import signal

from tests.emperor.support import BEGINNING, EmperorCase
from uwsgid.emperor import service
from uwsgid.wire.vassal import ToEmperor, ToVassal


class Having(EmperorCase):
    """Vassals come and go with their configurations."""

    def test_a_vassal(self) -> None:
        """Every configuration gets a vassal, with uWSGI's command line, in the directory of its monitor."""
        vassal = self.one()
        self.assertEqual((vassal.start.argv, vassal.start.cwd), (("--ini", "a.ini"), "/etc/vassals"))
        self.assertEqual((vassal.start.uid, vassal.start.namespaces, vassal.start.has_config), (-1, 0, False))
        self.look()
        self.assertEqual(self.names, [])

    def test_a_change(self) -> None:
        """A configuration that is another one now is reloaded, also where it is older."""
        vassal = self.one(mark=5)
        self.monitor.put("a.ini", 3)
        self.look()
        self.assertEqual(vassal.heard(), bytes([ToVassal.RELOAD]))
        self.assertLogged("[emperor] reload the uwsgi instance a.ini")
        self.assertEqual(self.emperor.empire.vassals["a.ini"].respawns, 1)
        self.look()
        self.assertEqual(vassal.heard(), b"")

    def test_many_changes(self) -> None:
        """Changes that follow each other quickly are one reload per second."""
        vassal = self.one()
        for mark in range(2, 32):
            self.monitor.put("a.ini", mark)
            self.look()
            self.run_for(0.1, 0.1)
        self.assertEqual(len(vassal.heard()), 3)

    def test_removed(self) -> None:
        """A vassal whose configuration is gone is stopped, and forgotten once it ended."""
        vassal = self.one()
        self.monitor.remove("a.ini")
        self.look()
        self.assertEqual(vassal.heard(), bytes([ToVassal.STOP]))
        self.assertIn("a.ini", self.emperor.empire.vassals)
        vassal.exit()
        self.assertEqual((self.emperor.empire.vassals, self.names), ({}, []))
        self.assertLogged("[emperor] stop the uwsgi instance a.ini")
        self.assertLogged("[emperor] removed uwsgi instance a.ini")
        self.assertEqual(list(self.emperor.rests.blacklist), [])

    def test_gracefully(self) -> None:
        """With emperor-graceful-shutdown a vassal may finish what it does."""
        vassal = self.one("emperor-graceful-shutdown = true")
        self.monitor.remove("a.ini")
        self.look()
        self.assertEqual(vassal.heard(), bytes([ToVassal.STOP_GRACEFULLY]))

    def test_removed_before_its_birth(self) -> None:
        """A vassal that is not wanted any more when it is born is stopped at once."""
        self.begin()
        self.monitor.put("a.ini")
        self.look()
        self.monitor.remove("a.ini")
        self.look()
        vassal = self.birth()
        self.assertEqual(vassal.heard(), bytes([ToVassal.STOP]))
        vassal.exit()
        self.assertEqual(self.emperor.empire.vassals, {})

    def test_back_while_it_ends(self) -> None:
        """A successor comes only when nothing of the predecessor is left."""
        vassal = self.one()
        self.monitor.remove("a.ini")
        self.look()
        self.monitor.put("a.ini", 7)
        self.look()
        self.assertEqual(self.names, [])
        vassal.exit()
        self.assertEqual(self.names, ["a.ini"])
        self.assertEqual(self.emperor.empire.vassals["a.ini"].sighting.mark, 7)

    def test_changed_before_its_birth(self) -> None:
        """A change that comes before the birth is told after it."""
        self.begin()
        self.monitor.put("a.ini")
        self.look()
        self.monitor.put("a.ini", 2)
        self.look()
        vassal = self.birth()
        self.run_for(1.5)
        self.assertEqual(vassal.heard(), bytes([ToVassal.RELOAD]))

    def test_a_source_that_can_not_be_read(self) -> None:
        """Where nothing can be told, nothing changes."""
        vassal = self.one()
        self.monitor.found = None
        self.run_for(10)
        self.assertEqual((vassal.heard(), self.names), (b"", []))

    def test_two_sources(self) -> None:
        """The first source that has a name keeps it; the second is told of once."""
        self.begin(monitors=2)
        for monitor in self.monitors:
            monitor.put("a.ini")
        self.look()
        self.look()
        self.assertEqual(self.names, ["a.ini"])
        self.assertEqual(len([line for line in self.lines if "had first" in line]), 1)
        self.monitors[1].remove("a.ini")
        self.look()
        self.assertEqual(self.birth().heard(), b"")

    def test_not_born(self) -> None:
        """A vassal that can not be born is tried again, and rests a little longer each time."""
        self.begin()
        self.monitor.put("a.ini")
        self.look()
        for _ in range(3):
            self.nest.orders.pop().parent.not_born()
            self.run_for(5)
        self.assertEqual(self.names, ["a.ini"])
        self.assertEqual([item.attempt for item in self.emperor.rests.blacklist], [2])


class Deaths(EmperorCase):
    """What follows from the end of a vassal."""

    def test_loyal(self) -> None:
        """One that served somebody is back at once."""
        vassal = self.one()
        vassal.say(ToEmperor.LOYAL)
        vassal.exit(1)
        self.assertEqual((self.names, list(self.emperor.rests.blacklist)), (["a.ini"], []))

    def test_unloyal(self) -> None:
        """One that never did is back at once after its first failure, later after each further one."""
        vassal = self.one()
        rests = []
        for _ in range(4):
            begun = self.reactor.seconds()
            vassal.exit(1)
            while not self.names:
                self.run_for(0.1, 0.1)
            rests.append(round(self.reactor.seconds() - begun))
            vassal = self.birth()
        self.assertEqual(rests, [0, 1, 2, 3])
        self.assertLogged("[emperor] unloyal bad behaving vassal found: a.ini throttling it...")

    def test_no_blacklist(self) -> None:
        """With emperor-no-blacklist it never rests."""
        vassal = self.one("emperor-no-blacklist = true")
        for _ in range(5):
            vassal.exit(1)
            vassal = self.birth()
        self.assertEqual(list(self.emperor.rests.blacklist), [])

    def test_forgiven(self) -> None:
        """Loyalty and SIGURG clear the blacklist."""
        vassal = self.one()
        for _ in range(3):
            vassal.exit(1)
            self.run_for(4)
            vassal = self.birth()
        self.assertEqual(len(list(self.emperor.rests.blacklist)), 1)
        vassal.say(ToEmperor.LOYAL)
        self.assertEqual(list(self.emperor.rests.blacklist), [])
        vassal.exit(1)
        vassal = self.birth()
        for _ in range(3):
            self.emperor.empire.vassals["a.ini"].loyal = False
            vassal.exit(1)
            self.run_for(4)
            vassal = self.birth()
        vassal.exit(1)
        self.assertEqual(self.names, [])
        self.emperor.forgive_all()
        self.assertEqual(self.names, ["a.ini"])

    def test_mended(self) -> None:
        """A configuration that changes while its vassal rests is tried soon."""
        vassal = self.one()
        for _ in range(20):
            vassal.exit(1)
            self.run_for(25)
            vassal = self.birth()
        vassal.exit(1)
        self.monitor.put("a.ini", 2)
        self.look()
        self.run_for(1.5)
        self.assertEqual(self.names, ["a.ini"])

    def test_a_hundred_bad_ones(self) -> None:
        """Those who behave badly start one after the other."""
        self.begin()
        for number in range(20):
            self.monitor.put(f"{number}.ini")
        self.look()
        self.assertEqual(len(self.names), 20)
        for vassal in [self.birth() for _ in range(20)]:
            vassal.exit(1)
        self.assertLess(len(self.names), 3)
        self.run_for(3, 0.05)
        self.assertEqual(len(self.names), 20)

    def test_exile(self) -> None:
        """26 from a vassal of a source without lists is for good; others are looked up again."""
        vassal = self.one()
        vassal.exit(26)
        self.run_for(0.1)
        self.assertEqual(self.names, ["a.ini"])
        vassal = self.birth()
        self.monitor.lists = False
        vassal.exit(26)
        self.run_for(10)
        self.assertEqual((self.names, self.emperor.empire.vassals), ([], {}))

    def test_curse(self) -> None:
        """One that closes its pipe and lives on is cursed, and killed when the tolerance is over."""
        vassal = self.one("emperor-curse-tolerance = 5")
        vassal.pipe.close()
        self.poll()
        self.assertLogged(f"[emperor] curse the uwsgi instance a.ini (pid: {vassal.pid})")
        self.run_for(4)
        self.assertEqual((vassal.signals, self.names), ([], []))
        self.run_for(2)
        self.assertEqual(vassal.signals, [signal.SIGKILL])
        self.assertEqual(self.names, ["a.ini"])

    def test_one_that_does_not_stop(self) -> None:
        """A vassal that was told to stop and does not is killed."""
        vassal = self.one("emperor-curse-tolerance = 5")
        self.monitor.remove("a.ini")
        self.look()
        self.run_for(6)
        self.assertEqual(vassal.signals, [signal.SIGKILL])
        self.assertEqual(self.emperor.empire.vassals, {})

    def test_one_that_does_not_hear(self) -> None:
        """A vassal that lets the pipe run full is cursed."""
        vassal = self.one()
        end = self.emperor.empire.vassals["a.ini"]
        assert end._pipe is not None
        while end._pipe.say(0):
            pass
        self.monitor.put("a.ini", 2)
        self.look()
        self.assertLogged("curse")
        self.assertFalse(end.ordered)
        vassal.exit()

    def test_last_words(self) -> None:
        """What a vassal said right before its end counts."""
        vassal = self.one()
        vassal.pipe.send(bytes([ToEmperor.LOYAL]))
        vassal.close()
        self.kernel.end(vassal.pid, 0, 0)
        self.emperor.empire.vassals["a.ini"]._watch.doRead()  # type: ignore[union-attr]
        self.assertEqual(list(self.emperor.rests.blacklist), [])


class Tyranny(EmperorCase):
    """Vassals are the owners of their configurations."""

    def test_owner(self) -> None:
        """The start has the owner."""
        vassal = self.one("emperor-tyrant = true", uid=1000, gid=1001)
        self.assertEqual((vassal.start.uid, vassal.start.gid), (1000, 1001))

    def test_root(self) -> None:
        """Nobody becomes root; that is said once."""
        self.begin("emperor-tyrant = true")
        self.monitor.put("a.ini", uid=0, gid=1000)
        self.monitor.put("b.ini", uid=1000, gid=0)
        self.look()
        self.look()
        self.assertEqual(self.names, [])
        self.assertEqual(
            self.lines,
            [
                "[emperor-tyrant] invalid permissions for vassal a.ini",
                "[emperor-tyrant] invalid permissions for vassal b.ini",
            ],
        )

    def test_another_owner(self) -> None:
        """A file that has another owner now stops its vassal, and the new owner gets one."""
        vassal = self.one("emperor-tyrant = true", uid=1000, gid=1000)
        self.monitor.put("a.ini", uid=1001, gid=1000)
        self.look()
        self.assertEqual(vassal.heard(), bytes([ToVassal.STOP]))
        self.assertLogged("permissions of file a.ini changed. stopping the instance...")
        vassal.exit()
        self.assertEqual(self.birth().start.uid, 1001)

    def test_no_tyrant(self) -> None:
        """Without a tyrant owners do not matter."""
        vassal = self.one(uid=1000)
        self.monitor.put("a.ini", uid=1001)
        self.look()
        self.assertEqual(vassal.heard(), b"")


class Orders(EmperorCase):
    """What an operator wants."""

    def test_reload_all(self) -> None:
        """Everybody reloads."""
        vassal = self.one()
        self.run_for(3)
        self.emperor.reload_all()
        self.assertEqual(vassal.heard(), bytes([ToVassal.RELOAD]))
        self.assertEqual(self.emperor.empire.vassals["a.ini"].last_modified, BEGINNING + 3)

    def test_say_all(self) -> None:
        """One line for each."""
        self.one()
        self.emperor.say_all()
        self.assertLogged(
            f"vassal instance a.ini (last modified {int(BEGINNING) + 1}) status 0 loyal 0 zerg 0"
        )


class Scarcity(EmperorCase):
    """When the machine has nothing left."""

    def test_one_that_can_not_be_watched(self) -> None:
        """Whom the emperor can not watch it does not have: the vassal is ended before another one comes."""
        self.begin()
        self.monitor.put("a.ini")
        self.look()
        self.kernel.fail("pidfd_open", 24)
        vassal = self.birth()
        self.assertIn(("kill", str(vassal.pid), "9"), self.kernel.calls)
        self.assertEqual(self.names, [])
        self.run_for(1)
        self.assertEqual(self.names, ["a.ini"])

    def test_systemd(self) -> None:
        """systemd is told how many vassals there are, when that changes."""
        told: list[str] = []
        self.patch(service, "notify", lambda kernel, environ, text: told.append(text))
        self.one()
        self.run_for(3)
        self.assertEqual(told, ["STATUS=The Emperor is governing 1 vassals\n"])
