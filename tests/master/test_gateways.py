"""Gateways that are kept alive, told of changes, and sent away last."""

from __future__ import annotations

import signal
import socket

from tests.master.support import InstanceCase
from uwsgid.config.settings import Settings, settings_of
from uwsgid.errors import ConfigError
from uwsgid.hooks import Hooks
from uwsgid.master.gateways import Gateways
from uwsgid.supervise.gateways import GATEWAY, LIVE, Early, Gateway, GatewayLife
from uwsgid.testing import MemoryChild
from uwsgid.wire.control import Ask, Ready

#: Sections have to be imported before a configuration is read.
SECTIONS = (Hooks,)


def _run(life: GatewayLife) -> int:
    return life.run()


class GatewayCase(InstanceCase):
    """An instance of gateways, whose children are in memory.

    :ivar now: the configuration as it is in its files now.
    """

    gateways: Gateways
    wishes: list[str]
    now = ""

    def begin_with(self, *gateways: Gateway, config: str = "processes = 2\nforkbomb-delay = 4") -> None:
        self.now = config
        self.wishes = []
        self.prepare(config, gateways=gateways)
        self.house.read_again = self._read_again
        self.gateways = Gateways(
            self.house,
            self.workforce.supervisor,
            self.nursery.reactor,
            self.lines.append,
            stopping=lambda: self.workforce.stopping,
            proceed=self.workforce.proceed,
            asked=self.wishes.append,
            clock=self.nursery.reactor.seconds,
        )
        self.workforce.start(self.nursery.seed())
        self.gateways.start()
        self.run_for()

    def _read_again(self) -> Settings:
        return settings_of(self.now)

    def gateway(self, number: int = 1) -> MemoryChild:
        """The youngest living gateway of that number."""
        return self.nursery.living(GATEWAY, number)[-1]


class Lives(GatewayCase):
    """Births, deaths, and what is said of them."""

    def test_all_of_them(self) -> None:
        """Each gateway is born once, by the seed, and numbered from 1."""
        self.begin_with(Gateway("uWSGI tuntap router 1", _run), Gateway("uWSGI tuntap router 2", _run))
        self.assertEqual([child.slot for child in self.nursery.living(GATEWAY)], [1, 2])
        self.assertTrue(self.gateways.all_ready)
        self.assertLogged(f"spawned uWSGI tuntap router 2 (pid: {self.gateway(2).pid})")

    def test_wishes(self) -> None:
        """What a gateway wants of the master is passed on."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        self.gateway().say(Ask("destroy"))
        self.run_for()
        self.assertEqual(self.wishes, ["destroy"])

    def test_a_death(self) -> None:
        """A gateway that had lived comes back at once, and the line says how it died."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        self.run_for(5)
        first = self.gateway()
        first.die(signal.SIGKILL)
        self.run_for()
        self.assertNotEqual(self.gateway().pid, first.pid)
        self.assertLogged(
            f"DAMN ! uWSGI probe 1 (pid: {first.pid}) died, killed by signal 9 :( trying respawn ..."
        )
        self.assertLogged(f"respawned uWSGI probe 1 (pid: {self.gateway().pid})")

    def test_a_gateway_that_can_not_live(self) -> None:
        """One that ends again and again rests ever longer, up to forkbomb-delay, and comes back."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        births = []
        for _ in range(9):
            self.gateway().exit(1)
            start = self.nursery.reactor.seconds()
            self.run_for()
            while not self.nursery.living(GATEWAY):
                self.run_for(0.125)
            births.append(self.nursery.reactor.seconds() - start)
        self.assertEqual(births, [0, 0.25, 0.5, 1, 2, 4, 4, 4, 4])
        self.assertLogged("uWSGI probe 1 dies too fast: resting 4 seconds")
        self.run_for(5)
        self.gateway().exit(1)
        self.run_for()
        self.assertEqual(len(self.nursery.living(GATEWAY)), 1)

    def test_a_birth_that_fails(self) -> None:
        """A gateway that the seed could not fork is asked for again."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        self.nursery.bears, self.nursery.refuses = False, True
        self.gateway().exit(1)
        self.run_for(1)
        self.assertEqual(self.nursery.living(GATEWAY), [])
        self.nursery.bears = True
        self.run_for(5)
        self.assertEqual(len(self.nursery.living(GATEWAY)), 1)

    def test_the_spare_seed(self) -> None:
        """After the death of the seed its spare bears gateways."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        self.nursery.living("seed")[0].die(signal.SIGKILL)
        self.gateway().die(signal.SIGKILL)
        self.run_for(1)
        self.assertEqual(len(self.nursery.living(GATEWAY)), 1)

    def test_statistics(self) -> None:
        """A row tells who it is, whether it is ready and how often it was born."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        self.gateway().exit(1)
        self.run_for()
        self.assertEqual(
            self.gateways.rows(),
            [{"id": 1, "name": "uWSGI probe 1", "pid": self.gateway().pid, "ready": 1, "respawn_count": 2}],
        )
        self.nursery.bears = False
        self.gateway().exit(1)
        self.run_for()
        self.assertEqual((self.gateways.rows()[0]["pid"], self.gateways.all_ready), (0, False))


class Endings(GatewayCase):
    """The instance stops."""

    def test_after_the_workers(self) -> None:
        """A gateway serves until the last worker is gone, and is not replaced then."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        gateway = self.gateway()
        self.workforce.wanted = {1, 2}
        self.workforce.proceed()
        self.run_for()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.run_for()
        self.assertFalse(gateway.told)
        for worker in self.nursery.living("worker"):
            worker.exit(30)
        self.nursery.leaves = True
        self.run_for()
        self.assertTrue(gateway.told)
        self.assertEqual((self.codes, self.nursery.living(GATEWAY)), ([0], []))
        self.assertLogged(f'gateway "uWSGI probe 1" has been buried (pid: {gateway.pid})')

    def test_no_workers(self) -> None:
        """An instance without sockets has no workers; it stops when its gateways are gone."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        self.assertEqual((self.nursery.living("worker"), self.workforce.more()), ([], False))
        self.workforce.stop(gracefully=True)
        self.run_for()
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_one_that_does_not_leave(self) -> None:
        """A gateway that does not hear is killed after a second."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        self.nursery.leaves = False
        gateway = self.gateway()
        self.workforce.stop(gracefully=True)
        self.run_for(1.5)
        self.assertIn(signal.SIGKILL, gateway.signals)

    def test_mercy(self) -> None:
        """A gateway that has children of its own gets the time that it asked for."""
        self.begin_with(Gateway("uWSGI probe 1", _run, role="emperor", mercy=9))
        self.nursery.leaves = False
        (child,) = self.nursery.living("emperor")
        self.workforce.stop(gracefully=True)
        self.run_for(8)
        self.assertEqual(child.signals, [])
        self.run_for(2)
        self.assertIn(signal.SIGKILL, child.signals)

    def test_one_that_rests(self) -> None:
        """Who rests when the instance stops is not born any more."""
        self.begin_with(Gateway("uWSGI probe 1", _run))
        for _ in range(4):
            while not self.nursery.living(GATEWAY):
                self.run_for(0.125)
            self.gateway().exit(1)
            self.run_for()
        self.assertEqual(self.nursery.living(GATEWAY), [])
        self.workforce.stop(gracefully=True)
        self.run_for(10)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))
        self.gateways.end()


class Changes(GatewayCase):
    """The configuration changed."""

    def change(self, now: str, *live: str) -> bool:
        """Begin with one configuration, change it, and offer that to the gateways."""
        self.begin_with(Gateway("uWSGI probe 1", _run, live=frozenset(live)), config="processes = 2")
        self.now = now
        return self.gateways.take_changes()

    def test_their_own(self) -> None:
        """Where only options changed that they carry out themselves, they get HUP and nobody starts anew."""
        self.assertTrue(self.change("processes = 3", "processes"))
        self.assertEqual(self.gateway().signals, [signal.SIGHUP])

    def test_no_affair_of_theirs(self) -> None:
        """A gateway that carries nothing out itself is not told: an emperor would reload all vassals."""
        self.begin_with(
            Gateway("uWSGI probe 1", _run, live=frozenset({"processes"})),
            Gateway("uWSGI Emperor", _run, role="emperor"),
            config="processes = 2",
        )
        self.now = "processes = 3"
        self.assertTrue(self.gateways.take_changes())
        self.assertEqual(
            (self.gateway().signals, self.nursery.living("emperor")[0].signals), ([signal.SIGHUP], [])
        )

    def test_another(self) -> None:
        """Where anything else changed too, they are left alone."""
        self.assertFalse(self.change("processes = 3\nthreads = 2", "processes"))
        self.assertEqual(self.gateway().signals, [])

    def test_none_of_their_own(self) -> None:
        """Gateways that carry nothing out themselves need not be asked."""
        self.assertFalse(self.change("processes = 3"))

    def test_a_broken_one(self) -> None:
        """A configuration that can not be used is nobody's change."""

        def refuse() -> Settings:
            raise ConfigError("site.ini:3: processes: expected a whole number")

        self.begin_with(Gateway("uWSGI probe 1", _run, live=frozenset({"processes"})))
        self.house.read_again = refuse
        self.assertFalse(self.gateways.take_changes())

    def test_who_is_born_after_it(self) -> None:
        """A gateway that is born after a change is told so by its generation, whoever heard of the change."""
        self.assertTrue(self.change("processes = 3", "processes"))
        self.gateway().exit(1)
        self.run_for()
        self.assertEqual(self.gateway().generation, 1)
        self.gateway().say(Ask(LIVE))
        self.run_for()
        self.gateway().exit(1)
        self.run_for(1)
        self.assertEqual(self.gateway().generation, 2)


class EarlyOnes(GatewayCase):
    """An emperor that was born at boot."""

    def test_adopted(self) -> None:
        """It is a gateway like any other from then on, and its successor comes from the seed."""
        self.prepare(
            "processes = 2",
            gateways=(Gateway("uWSGI probe 1", _run), Gateway("uWSGI E", _run, role="emperor")),
        )
        self.gateways = Gateways(
            self.house,
            self.workforce.supervisor,
            self.nursery.reactor,
            self.lines.append,
            stopping=lambda: self.workforce.stopping,
            proceed=self.workforce.proceed,
            asked=lambda wish: None,
            clock=self.nursery.reactor.seconds,
        )
        self.workforce.start(self.nursery.seed())
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(theirs.close)
        self.nursery.kernel.running.add(99)
        self.gateways.start(Early(ours, 99, 1))
        self.run_for()
        self.assertEqual([row["pid"] for row in self.gateways.rows()][1], 99)
        self.assertEqual(self.nursery.living("emperor"), [])
        theirs.send(Ready(99).pack())
        self.run_for()
        self.assertTrue(self.gateways.all_ready)
        self.nursery.kernel.end(99, None, signal.SIGKILL)
        self.run_for(3)
        self.assertEqual(len(self.nursery.living("emperor")), 1)
