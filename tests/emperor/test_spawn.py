"""What a vassal does first, with a kernel in memory."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from twisted.trial.unittest import SynchronousTestCase

from tests.emperor.support import SECTIONS
from uwsgid.config.settings import settings_of
from uwsgid.emperor.options import EmperorOptions
from uwsgid.emperor.spawn import Birth, VassalNest, environment, programs, run_program, which
from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.capabilities import SETPCAP
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.supervise.vassals import VassalStart
from uwsgid.testing import MemoryKernel
from uwsgid.testing.kernel import Executed
from uwsgid.wire.control import Spawn

assert SECTIONS


class Lives(Exception):
    """A vassal lives its life."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        super().__init__()
        self.argv = tuple(argv)
        self.environ = environ


def live(argv: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    raise Lives(argv, environ)


class BirthCase(SynchronousTestCase):
    """A birth in this very process, which is put right afterwards."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.lines: list[str] = []
        # who executes a program gives SIGPIPE back to it
        self.addCleanup(signal.signal, signal.SIGPIPE, signal.getsignal(signal.SIGPIPE))
        before = dict(os.environ)
        self.addCleanup(os.environ.update, before)
        self.addCleanup(os.environ.clear)
        self.ours, theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(theirs.close)
        self.pipe = theirs.fileno()

    def birth(self, config: str = "", **start: object) -> Birth:
        house = Household(settings_of(config), self.kernel, self.lines.append, Board(1), (), 1, 0.0)
        made = VassalStart("a.ini", ("--ini", "a.ini"), cwd="/etc/vassals", **start)  # type: ignore[arg-type]
        birth = Birth(house, made, [self.pipe, 8, 9], live)
        birth.hear_signals = lambda: None  # type: ignore[method-assign]
        birth.settle_descriptors = lambda: None  # type: ignore[method-assign]
        return birth

    def go(self, config: str = "", **start: object) -> Lives:
        with self.assertRaises(Lives) as raised:
            self.birth(config, **start).go_on()
        found: Lives = raised.exception
        return found

    @property
    def calls(self) -> list[str]:
        return [call[0] for call in self.kernel.calls]


class Order(BirthCase):
    """What happens in which order."""

    def test_plain(self) -> None:
        """Directory, parent-death signal, life."""
        lives = self.go()
        self.assertEqual(self.kernel.calls, [("chdir", "/etc/vassals"), ("set_parent_death_signal", "9")])
        self.assertEqual(lives.argv, ("--ini", "a.ini"))
        self.assertEqual(lives.environ["UWSGI_EMPEROR_FD"], str(self.pipe))
        self.assertNotIn("UWSGI_EMPEROR_FD", os.environ)  # which is for it to take

    def test_surroundings_of_hooks(self) -> None:
        """What is run for a vassal before it lives has its environment already."""
        self.go("exec-as-vassal = true")
        self.assertEqual(os.environ["UWSGI_EMPEROR_FD"], str(self.pipe))
        del os.environ["UWSGI_EMPEROR_FD"]
        self.go("vassals-start-hook = true")
        self.assertEqual(os.environ["UWSGI_EMPEROR_FD"], str(self.pipe))

    def test_tyrant(self) -> None:
        """Group, groups, user, and only then the parent-death signal, which a change of users clears."""
        self.go("emperor-tyrant = true", uid=1001, gid=1002)
        self.assertEqual(
            self.kernel.calls,
            [
                ("chdir", "/etc/vassals"),
                ("setgid", "1002"),
                ("setgroups",),
                ("setuid", "1001"),
                ("set_capabilities", "0x0", "0x0", "0x0"),
                ("set_parent_death_signal", "9"),
            ],
        )
        self.assertEqual(self.lines, ["[emperor-tyrant] dropping privileges to 1001 1002 for instance a.ini"])

    def test_groups(self) -> None:
        """With emperor-tyrant-initgroups the owner has all groups; one without a name has none."""
        self.go("emperor-tyrant = true\nemperor-tyrant-initgroups = true", uid=1001, gid=1001)
        self.assertIn(("initgroups", "shop", "1001"), self.kernel.calls)
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.go("emperor-tyrant = true\nemperor-tyrant-initgroups = true", uid=4000, gid=4000)
        self.assertIn(("setgroups",), self.kernel.calls)

    def test_refused(self) -> None:
        """A drop that is refused ends the birth."""
        self.kernel = MemoryKernel(uid=1000, gid=1000)
        with self.assertRaisesRegex(KernelError, "setgid"):
            self.birth("emperor-tyrant = true", uid=1001, gid=1001).go_on()

    def test_capabilities(self) -> None:
        """The bounding set is limited before the drop; who is only forked lets go of the rest after it."""
        self.go("emperor-cap = net_bind_service\nemperor-tyrant = true", uid=1001, gid=1001)
        calls = self.calls
        self.assertLess(calls.index("drop_bounding"), calls.index("setuid"))
        self.assertNotIn(("drop_bounding", str(SETPCAP)), self.kernel.calls)
        self.assertNotIn(("drop_bounding", "10"), self.kernel.calls)

    def test_directory(self) -> None:
        """A directory that is gone ends the birth."""
        self.kernel.fail("chdir", 2)
        with self.assertRaisesRegex(KernelError, "chdir"):
            self.birth().go_on()

    def test_a_dead_emperor(self) -> None:
        """A vassal whose emperor ended meanwhile does not start."""
        self.ours.close()
        with self.assertRaisesRegex(KernelError, "the emperor is gone"):
            self.birth().go_on()

    def test_adoptable(self) -> None:
        """One that may outlive its emperor asks for no signal."""
        self.go(adoptable=True)
        self.assertEqual(self.calls, ["chdir"])

    def test_start_hook(self) -> None:
        """vassals-start-hook gets the name and no shell; that it fails is said and no obstacle."""
        self.go("vassals-start-hook = /bin/false")
        self.assertEqual(self.lines, ["[emperor] /bin/false a.ini exited with 1"])


class Executing(BirthCase):
    """Vassals that are programs of their own."""

    def execute(self, config: str, **start: object) -> Executed:
        with self.assertRaises(Executed) as raised:
            self.birth(config, **start).go_on()
        found: Executed = raised.exception
        return found

    def test_a_fresh_interpreter(self) -> None:
        """emperor-exec executes this program anew."""
        executed = self.execute("emperor-exec = true")
        self.assertEqual(executed.arguments, (sys.executable, "-m", "uwsgid", "--ini", "a.ini"))
        self.assertEqual(executed.environment["UWSGI_EMPEROR_FD"], str(self.pipe))

    def test_wrapper(self) -> None:
        """A wrapper is found where programs are, and gets the command line alone."""
        executed = self.execute("emperor-wrapper = true")
        self.assertEqual(executed.path, which("true", os.environ.get("PATH", os.defpath)))
        self.assertEqual(executed.arguments, ("true", "--ini", "a.ini"))

    def test_own_program(self) -> None:
        """A vassal may have a program of its own."""
        self.assertEqual(self.execute("", program="/bin/own").path, "/bin/own")

    def test_nothing_works(self) -> None:
        """Where nobody can be executed, the vassal is exiled with uWSGI's question."""

        def execve(path: str, arguments: object, environment: object) -> None:
            raise FileNotFoundError(2, "No such file or directory")

        self.kernel.execve = execve  # type: ignore[method-assign]
        self.assertEqual(self.birth("emperor-wrapper = none\nemperor-wrapper-fallback = no").go_on(), 26)
        self.assertEqual(
            self.lines[-3:],
            [
                "[emperor] none: No such file or directory",
                "[emperor] no: No such file or directory",
                "[emperor] is the uwsgi binary in your system PATH ?",
            ],
        )

    def test_order(self) -> None:
        """Overrides first, then the wrapper or the binary path, then fallbacks."""
        options = EmperorOptions(wrapper="w", wrapper_override=("o", "p"), wrapper_fallback=("f",))
        self.assertEqual(programs(options), [("o",), ("p",), ("w",), ("f",)])
        self.assertEqual(programs(EmperorOptions(binary_path="b")), [("b",)])
        self.assertEqual(programs(options, "own")[2], ("own",))


class Environments(SynchronousTestCase):
    """What a vassal finds in its environment."""

    def test_renamed(self) -> None:
        """UWSGI_VASSAL_X is UWSGI_X for a vassal; other options pass as they are."""
        found = environment({"UWSGI_VASSAL_PROCESSES": "4", "UWSGI_MASTER": "1", "HOME": "/"}, {}, 5)
        self.assertEqual(
            found, {"UWSGI_PROCESSES": "4", "UWSGI_MASTER": "1", "HOME": "/", "UWSGI_EMPEROR_FD": "5"}
        )

    def test_removed(self) -> None:
        """What is about the emperor's own instance does not pass."""
        own = {
            "UWSGI_RELOADS": "3", "NOTIFY_SOCKET": "/n", "UWSGI_EMPEROR": "/etc/vassals",
            "UWSGI_EMPEROR_FD_CONFIG": "7", "UWSGI_EMPEROR_PROXY": "/p",
        }  # fmt: skip
        self.assertEqual(environment(own, {"A": "b"}, 5), {"A": "b", "UWSGI_EMPEROR_FD": "5"})

    def test_configuration(self) -> None:
        """The second descriptor is there where there is one."""
        self.assertEqual(environment({}, {}, 5, 6), {"UWSGI_EMPEROR_FD": "5", "UWSGI_EMPEROR_FD_CONFIG": "6"})


class Programs(SynchronousTestCase):
    """Programs beside vassals."""

    def test_run(self) -> None:
        """Exit code, signal, or 127 for what is not there."""
        self.assertEqual(run_program("true", "a.ini"), 0)
        self.assertEqual(run_program("/none", "a.ini"), 127)
        self.assertEqual(run_program("sh", "-c", "kill -9 $$"), 128 + signal.SIGKILL)

    def test_which(self) -> None:
        """A name is looked up, a path is not."""
        self.assertTrue(which("sh", "/none:/bin").endswith("/sh"))
        self.assertEqual((which("./x", "/bin"), which("no-such", "/bin")), ("./x", "no-such"))


class Preparing(SynchronousTestCase):
    """The midwife's part."""

    def test_namespaces(self) -> None:
        """It enters those of the start, and none where there are none."""
        kernel = MemoryKernel(uid=0)
        house = Household(settings_of(""), kernel, lambda line: None, Board(1), (), 1, 0.0)
        nest = VassalNest(house)
        nest.prepare(Spawn(1, VassalStart("a.ini").to_text()))
        self.assertEqual(kernel.calls, [])
        nest.prepare(Spawn(1, VassalStart("a.ini", namespaces=0x04000000).to_text()))
        self.assertEqual(kernel.calls[0][0], "unshare")

    def test_stewards(self) -> None:
        """A simple vassal begins with a steward, unless the emperor has something to do in each."""
        for config, expected in (
            ("", True),
            ("emperor-exec = true", False),
            ("emperor-wrapper = /bin/uwsgi", False),
            ("emperor-cap = net_admin", False),
            ("vassals-start-hook = true", False),
            ("hook-as-vassal = print:hello", False),
        ):
            house = Household(settings_of(config), MemoryKernel(), print, Board(1), (), 1, 0.0)
            nest = VassalNest(house)
            self.assertEqual(nest.is_for_steward(Spawn(1, "", 1)), expected, config)
            self.assertFalse(nest.is_for_steward(Spawn(1, "")), config)

    def test_refused(self) -> None:
        """What the kernel refuses is told with the words of the namespaces."""
        kernel = MemoryKernel(uid=1000)
        kernel.fail("unshare", 1)
        house = Household(settings_of(""), kernel, lambda line: None, Board(1), (), 1, 0.0)
        with self.assertRaisesRegex(KernelError, "uts"):
            VassalNest(house).prepare(Spawn(1, VassalStart("a.ini", namespaces=0x04000000).to_text()))

    def test_words(self) -> None:
        """A word of emperor-use-clone that there is not is a problem of the configuration."""
        with self.assertRaisesRegex(ConfigError, "unknown namespace subsystem: pidd"):
            settings_of("emperor-use-clone = pidd")
