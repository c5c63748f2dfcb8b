"""The steps between the configuration and the first fork: their order, and what a failing one leaves."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.door.support import SEED, SERVED, BootCase
from uwsgid.config.settings import Settings
from uwsgid.door import binding
from uwsgid.door.boot import STEPS, inheritance_of
from uwsgid.door.command import RELOADS, STARTED_AS
from uwsgid.errors import ConfigError, KernelError, UnknownMember
from uwsgid.host.kept import VARIABLE, Kept
from uwsgid.host.tun import open_device
from uwsgid.registry import Registry
from uwsgid.supervise.gateways import Gateway
from uwsgid.testing import MemoryKernel
from uwsgid.testing.kernel import Exited

_ORDER = (
    "umask", "write_file", "bind", "setgid", "initgroups", "setuid", "chdir", "set_child_subreaper",
    "fork_asleep",
    "setsid", "setrlimit", "setpriority", "mlockall", "unlink",
)  # fmt: skip


class OrderTests(BootCase):
    def test_the_order_of_a_boot(self) -> None:
        """Pidfile and shared sockets as root, then the user, then directory, second pidfile and sockets."""
        self.boot(
            *("--umask", "027", "--pidfile", "/run/a.pid", "--pidfile2", "/run/b.pid"),
            *("--shared-socket", "127.0.0.1:80", "--uid", "www-data", "--gid", "www-data"),
            *("--chdir", "/srv/shop", "--http-socket", "127.0.0.1:8080", "--max-fd", "1000", "--prio", "-2"),
        )
        self.assertEqual(
            self.steps(*_ORDER),
            [
                "umask 027",
                "write_file /run/a.pid",
                "bind 127.0.0.1:80",
                "setrlimit",
                "setpriority",
                "setgid",
                "initgroups",
                "setuid",
                "chdir /srv/shop",
                "write_file /run/b.pid",
                "bind 127.0.0.1:8080",
                "set_child_subreaper",
                "fork_asleep",
            ],
        )
        self.assertEqual((self.kernel.uid, self.kernel.gid), (33, 33))
        self.assertEqual(self.kernel.limits[resource.RLIMIT_NOFILE], (1000, 1000))

    def test_every_step_can_be_read(self) -> None:
        """The list of steps tells the boot: each has a sentence."""
        for step in STEPS:
            self.assertTrue((step.__doc__ or "").strip().endswith((".", ":")), step)

    def test_a_plain_boot_changes_little(self) -> None:
        """Without options nothing is written and no user is changed."""
        self.boot()
        self.assertEqual(
            self.steps(*_ORDER),
            ["bind 127.0.0.1:8080", "set_child_subreaper", "fork_asleep"],
        )

    def test_daemonize(self) -> None:
        """daemonize leaves the terminal after its log is open and before anything else."""
        self.kernel.forks = [0, 0]
        self.boot(*SERVED, "--daemonize", "/var/log/shop.log", "--pidfile", "/run/a.pid")
        self.assertEqual(
            self.steps("fork", "setsid", "write_file"),
            ["fork", "setsid", "fork", "write_file /run/a.pid"],
        )
        self.assertEqual(self.logs.opened["target"], "/var/log/shop.log")

    def test_the_first_process_of_a_daemon_leaves(self) -> None:
        """Whoever started a daemon that ends without an answer gets 1."""
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        self.kernel.forks = [4712]
        with self.assertRaises(Exited) as caught:
            self.boot(*SERVED, "--daemonize", "/var/log/shop.log")
        self.assertEqual(caught.exception.code, 1)

    def test_a_reload_is_in_the_background_already(self) -> None:
        """An image that replaced another one neither daemonizes nor writes the pidfiles again."""
        self.environ[RELOADS] = "0"
        booted = self.boot(
            *SERVED, "--daemonize", "/l", "--pidfile", "/run/a.pid", "--pidfile2", "/run/b.pid"
        )
        self.assertEqual(self.steps("fork", "setsid", "write_file"), [])
        self.assertEqual(self.environ[RELOADS], "1")
        self.assertTrue(booted.household.is_reload)
        self.assertTrue(self.logs.opened["again"])
        self.assertEqual(
            inheritance_of(booted).removals, (("pidfile", "/run/a.pid"), ("pidfile2", "/run/b.pid"))
        )

    def test_force_cwd(self) -> None:
        """force-cwd is where this start and each reload begin."""
        booted = self.boot(*SERVED, "--force-cwd", "/srv/other", "--pidfile", "a.pid")
        self.assertEqual(
            self.steps("chdir", "write_file"), ["chdir /srv/other", "write_file /srv/other/a.pid"]
        )
        self.assertEqual(inheritance_of(booted).cwd, "/srv/other")

    def test_what_the_master_inherits(self) -> None:
        """The seed, where we stand, the command line, and a household with locks for everybody."""
        booted = self.boot(*SERVED, "--locks", "2", "--thunder-lock", "--env", "A=b")
        left = inheritance_of(booted)
        self.assertEqual((left.seed[1], left.cwd, left.environ["A"]), (SEED, "/srv", "b"))
        self.assertEqual(left.argv, (*SERVED, "--locks", "2", "--thunder-lock", "--env", "A=b"))
        locks = booted.household.locks
        assert locks is not None
        # where the log is a file, workers have locks for the lines that they hold as well
        names = [lock.name for lock in locks.locks if not lock.name.startswith("lines ")]
        self.assertEqual(names, ["user 0", "user 1", "user 2", "thunder"])
        self.assertEqual([listener.name for listener in booted.household.listeners], ["127.0.0.1:8080"])

    def test_hup_before_the_master_is_there(self) -> None:
        """A hang-up that comes too early ends nobody."""
        self.boot()
        self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)


class FirstProcessTests(BootCase):
    def test_signals(self) -> None:
        """A start as process 1, which the kernel protects, is ended by a signal all the same."""
        numbers = (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
        for number in numbers:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.kernel.pid = 1
        self.boot()
        for number in numbers:
            self.assertNotIn(signal.getsignal(number), (signal.SIG_DFL, signal.SIG_IGN))


class PrivilegeTests(BootCase):
    USER = (*SERVED, "--uid", "www-data", "--gid", "www-data")

    def test_master_as_root(self) -> None:
        """With master-as-root nobody drops here."""
        self.boot(*self.USER, "--master-as-root")
        self.assertEqual((self.steps("setuid", "setgid"), self.kernel.uid), ([], 0))

    def test_drop_after_init_and_apps(self) -> None:
        """The master drops when the seed, which must remain root for a while, is forked."""
        for name in ("--drop-after-init", "--drop-after-apps"):
            self.kernel.calls.clear()
            self.kernel.uid = 0
            self.boot(*self.USER[2:], "--http-socket", f"127.0.0.1:{len(name)}", name)
            self.assertEqual(
                self.steps("fork_asleep", "setgid", "setuid"),
                ["fork_asleep", "setgid", "setuid"],
            )

    def test_drop_after_apps_of_a_root_master(self) -> None:
        """master-as-root holds beside the others."""
        self.boot(*self.USER, "--drop-after-apps", "--master-as-root")
        self.assertEqual(self.steps("setuid"), [])

    def test_never_swap(self) -> None:
        """The memory is locked while we may, and the limit of the user we become is lifted."""
        self.boot(*self.USER, "--never-swap")
        self.assertEqual(self.steps("setrlimit", "mlockall", "setuid"), ["setrlimit", "mlockall", "setuid"])
        self.assertEqual(self.kernel.limits[resource.RLIMIT_MEMLOCK], (-1, -1))

    def test_never_swap_that_would_starve(self) -> None:
        """Where the limit can not be lifted, the start says so instead of running out of memory later."""
        self.kernel.fail("setrlimit", errno.EPERM)
        with self.assertRaisesRegex(KernelError, "never-swap"):
            self.boot(*self.USER, "--never-swap")

    def test_an_unknown_user(self) -> None:
        """A user that does not exist is noticed before anything is changed."""
        with self.assertRaisesRegex(ConfigError, "^command line: uid: user ghost not found"):
            self.boot(*SERVED, "--uid", "ghost")
        self.assertEqual(self.steps(*_ORDER), [])


class EnvironmentTests(BootCase):
    def test_order(self) -> None:
        """env and unenv act in the order in which they were written; envdir comes after them."""
        folder = self.mktemp()
        os.mkdir(folder)
        for name, text in (("C", "from the folder\n"), ("GONE", "")):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        self.environ.update(GONE="1", UWSGI_PROCESSES="3", HOME="/root")
        self.boot(
            *SERVED,
            *("--env", "A=1", "--unenv", "A", "--env", "B=1", "--env", "B=2", "--env", "C=3"),
            *("--envdir", os.path.abspath(folder)),
        )
        self.assertEqual(
            self.environ,
            {"B": "2", "C": "from the folder", "UWSGI_PROCESSES": "3", "HOME": "/root", RELOADS: "0"},
        )

    def test_early_envdir(self) -> None:
        """What early-envdir reads is in the environment of the instance, and env comes after it."""
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, text in (("EARLY", "1"), ("LATE", "1"), ("GONE", "")):
            (folder / name).write_text(text)
        self.environ.update(GONE="1")
        self.boot(*SERVED, "--early-envdir", str(folder), "--env", "LATE=2")
        self.assertEqual((self.environ["EARLY"], self.environ["LATE"]), ("1", "2"))
        self.assertNotIn("GONE", self.environ)

    def test_what_a_reload_finds(self) -> None:
        """A reload starts with the environment of the first start: env is no way to say options."""
        self.environ.update(KEPT="1", UWSGI_PROCESSES="3")
        booted = self.boot(*SERVED, "--env", "UWSGI_THREADS=2", "--unenv", "KEPT")
        self.assertEqual(self.environ["UWSGI_THREADS"], "2")
        left = inheritance_of(booted)
        found = dict(left.started_with)
        self.assertEqual(found.pop(STARTED_AS), sys.argv[0])
        self.assertEqual(found, {"KEPT": "1", "UWSGI_PROCESSES": "3", RELOADS: "0"})

    def test_the_program_that_was_started(self) -> None:
        """A new image names the program of the first one, and keeps that note from applications."""
        self.environ.update({RELOADS: "0", STARTED_AS: "/usr/bin/uwsgid"})
        booted = self.boot()
        self.assertIn("detected binary path: /usr/bin/uwsgid", self.said)
        self.assertNotIn(STARTED_AS, self.environ)
        self.assertEqual(inheritance_of(booted).started_with[STARTED_AS], "/usr/bin/uwsgid")

    def test_a_variable_without_a_value(self) -> None:
        """env without = is a mistake, with its place."""
        with self.assertRaisesRegex(ConfigError, "^command line: env: expected NAME=value, got 'A'"):
            self.boot(*SERVED, "--env", "A")


class FailureTests(BootCase):
    def test_a_pidfile_that_can_not_be_written(self) -> None:
        """The file is named."""
        self.kernel.fail("write_file", errno.EACCES)
        with self.assertRaisesRegex(KernelError, r"Permission denied \[/run/a.pid\]"):
            self.boot(*SERVED, "--pidfile", "/run/a.pid")

    def test_the_option_test(self) -> None:
        """--test ends the boot before any socket is bound, with a code that tells how it went."""
        for callable, code in (("dumps", 0), ("nothing", 1)):
            with self.assertRaises(SystemExit) as left:
                self.boot(*SERVED, "--test", "json", "--callable", callable)
            self.assertEqual(left.exception.code, code)
        self.assertEqual(self.steps("bind", "fork_asleep"), [])

    def test_nothing_to_do(self) -> None:
        """Without a socket there is nothing to do, unless nothing shall be served."""
        with self.assertRaisesRegex(ConfigError, "The -s/--socket option is missing"):
            self.boot("--wsgi-file", "app.py")
        self.assertEqual(self.boot("--wsgi-file", "app.py", "--no-server").listeners, ())

    def test_an_unknown_loop(self) -> None:
        """A loop that nobody provides ends the start, not every worker."""
        with self.assertRaisesRegex(UnknownMember, "did you mean simple"):
            self.boot(*SERVED, "--loop", "simpel")
        self.assertEqual(self.steps(*_ORDER), [])

    def test_no_fork(self) -> None:
        """A seed that can not be forked ends the start."""
        self.kernel.fail("fork_asleep", errno.EAGAIN)
        with self.assertRaisesRegex(KernelError, "fork"):
            self.boot()


class LineTests(BootCase):
    def test_each_line_once(self) -> None:
        """The limits are told once each, in uWSGI's order."""
        self.kernel.limits[resource.RLIMIT_NPROC] = (100, 200)
        self.boot(*SERVED, "--limit-nproc", "50", "--limit-as", "256", "--harakiri", "30")
        told = (
            "your processes number limit is 100",
            "limiting number of processes to 50...",
            "your process address space limit is 268435456 bytes (256 MB)",
            "your memory page size is",
            " *** WARNING: you have enabled harakiri",
            "detected max file descriptor number:",
            "lock engine:",
            "thunder lock: disabled",
            "your server socket listen backlog is limited to 100 connections",
            "your mercy for graceful operations on workers is 60 seconds",
            "mapped ",
            "*** Operational MODE: single process ***",
        )
        places = [[at for at, line in enumerate(self.said) if line.startswith(text)] for text in told]
        self.assertEqual([len(found) for found in places], [1] * len(told), self.said)
        self.assertEqual(places, sorted(places))

    def test_post_buffering_raises_its_bufsize(self) -> None:
        """A post-buffering-bufsize that is raised to post-buffering leaves uWSGI's line, in uWSGI's place."""
        self.boot(*SERVED, "--post-buffering", "65536")
        at = self.said.index("setting request body buffering size to 65536 bytes")
        self.assertTrue(self.said[at - 1].startswith("your mercy for graceful"), self.said)

    def test_post_buffering_that_fits(self) -> None:
        """Where post-buffering-bufsize is large enough there is no line."""
        self.boot(*SERVED, "--post-buffering", "8192")
        self.assertFalse(any("buffering size" in line for line in self.said), self.said)

    def test_show_config(self) -> None:
        """show-config shows the configuration and goes on."""
        self.boot(*SERVED, "--show-config")
        self.assertIn("http-socket = 127.0.0.1:8080", self.said)

    def test_warnings(self) -> None:
        """What is odd about the configuration is said at start."""
        path = os.path.abspath(self.mktemp())
        with open(path + ".ini", "w") as file:
            file.write("[uwsgi]\nhttp-socket = 127.0.0.1:8080\nproceses = 3\nplugin = nix\n")
        self.boot(path + ".ini")
        self.assertEqual(sum("did you mean processes" in line for line in self.said), 1, self.said)
        self.assertEqual(sum("no package provides it" in line for line in self.said), 1)


class SocketTests(BootCase):
    def test_a_unix_socket(self) -> None:
        """A socket in the file system is bound as the user we became."""
        self.boot("--socket", "/run/shop.sock", "--chmod-socket=660", "--uid", "shop", "--gid", "shop")
        made = self.kernel.files["/run/shop.sock"]
        self.assertEqual(stat.S_IMODE(made.mode), 0o660)
        self.assertEqual(self.steps("setuid", "bind"), ["setuid", "bind /run/shop.sock"])


class GatewayTests(BootCase):
    """What rooms open at boot, and the commands around it."""

    opened: list[str]

    def setUp(self) -> None:
        super().setUp()
        self.opened = []
        self.kernel.forks = [SEED, SEED]
        families = Registry[Callable[..., Any]]("gateway setup")
        families.member("probe")(self.set_up)
        self.patch(binding, "gateway_setups", families)

    def set_up(self, settings: Settings, kernel: MemoryKernel, say: Any, kept: Kept) -> list[Gateway]:
        """Open a device, or take over the one that is there."""
        if "nothing" in self.environ:
            return []
        fd = kept.get("tun probe0")
        if fd is None:
            fd = open_device(kernel, "probe0", vnet=False).fd
            kept.keep("tun probe0", fd)
        self.opened.append(f"{fd} as {kernel.uid}")
        return [Gateway("uWSGI probe 1", lambda life: life.run())]

    def test_no_sockets(self) -> None:
        """An instance of gateways alone is legal; without any there is nothing to do."""
        booted = self.boot("--processes", "1")
        self.assertEqual([gateway.name for gateway in booted.household.gateways], ["uWSGI probe 1"])
        self.environ["nothing"] = ""
        self.assertRaises(ConfigError, self.boot, "--processes", "1")

    def test_order(self) -> None:
        """Devices come after the commands before a jail and before those that configure them, as root."""
        phases = ("asap", "pre-jail", "in-jail", "as-root", "as-user")
        commands = [word for phase in phases for word in (f"--exec-{phase}", phase)]
        self.boot(*SERVED, "--uid", "www-data", "--gid", "www-data", *commands)
        names = ("open_tun", "setuid", "run_command")
        self.assertEqual(
            [
                call[-1] if call[0] == "run_command" else call[0]
                for call in self.kernel.calls
                if call[0] in names
            ],
            ["asap", "pre-jail", "open_tun", "in-jail", "as-root", "setuid", "as-user"],
        )
        self.assertEqual(self.opened, ["3 as 0"])

    def test_not_root(self) -> None:
        """Who is not root runs neither what is for root nor what comes after it."""
        self.environ["nothing"] = ""
        self.kernel.uid = 1000
        self.boot(*SERVED, "--exec-as-root", "root", "--exec-as-user", "user", "--exec-in-jail", "jail")
        self.assertEqual(
            [call[-1] for call in self.kernel.calls if call[0] == "run_command"],
            ["jail"],
        )

    def test_a_command_that_fails(self) -> None:
        """A command that fails ends the start with its place."""
        self.kernel.exit_codes = {"false": 1}
        error = self.assertRaises(ConfigError, self.boot, *SERVED, "--exec-pre-jail", "false")
        self.assertIn('exec-pre-jail: command "false" exited with non-zero code: 1', str(error))

    def test_a_reload(self) -> None:
        """After a reload the device is the same, what configured it may fail, and pre-jail is over."""
        first = self.boot(*SERVED)
        assert first.house is not None and first.house.kept is not None
        first.house.kept.leave_behind(self.environ)
        self.environ[RELOADS] = "0"
        self.kernel.exit_codes = {"again": 2}
        self.boot("--http-socket", "127.0.0.1:8081", "--exec-as-root", "again", "--exec-pre-jail", "no")
        self.assertEqual(self.opened, ["3 as 0", "3 as 0"])
        self.assertNotIn(VARIABLE, self.environ)
        self.assertEqual([call[-1] for call in self.kernel.calls if call[0] == "run_command"], ["again"])

    def test_a_device_that_goes(self) -> None:
        """A device that the new configuration does not name is closed."""
        first = self.boot(*SERVED)
        assert first.house is not None and first.house.kept is not None
        first.house.kept.leave_behind(self.environ)
        self.environ[RELOADS] = "0"
        self.environ["nothing"] = ""
        self.boot("--http-socket", "127.0.0.1:8081")
        self.assertEqual(self.kernel.devices(), {})
