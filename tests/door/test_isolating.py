"""The steps of the boot that isolate: their order among the others, call by call."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
from functools import partial
from typing import Any

from twisted.internet import tcp

from tests.door.support import SEED, SERVED, BootCase
from uwsgid.door import isolating
from uwsgid.door.boot import inheritance_of
from uwsgid.door.command import RELOADS
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import jail_setups
from uwsgid.isolation.allinone import Warden
from uwsgid.isolation.refork import Heard
from uwsgid.isolation.setns import ORDER
from uwsgid.registry import Registry
from uwsgid.supervise.gateways import Gateway
from uwsgid.testing.kernel import Executed, Exited

USER = ("--uid", "www-data", "--gid", "www-data")
PHASES = ("asap", "pre-jail", "post-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app")

_TOLD = (
    "unshare", "chroot", "pivot_root", "setuid", "bind", "fork", "execve", "sethostname", "setns", "mkdir",
    "run_command", "write_file", "chdir", "open_tun",
)  # fmt: skip


class IsolationCase(BootCase):
    def hooks(self) -> list[str]:
        """A command in each phase, which is its name."""
        return [word for phase in PHASES for word in (f"--exec-{phase}", phase)]

    def told(self) -> list[str]:
        """What happened, by one word or two."""
        found = []
        for call in self.kernel.calls:
            if call[0] == "bind":
                found.append("bind")
            elif call[0] == "run_command":
                found.append(call[2])
            elif call[0] in _TOLD:
                found.append(" ".join(call[:2]))
        return found


class OrderTests(IsolationCase):
    def test_a_jailed_start(self) -> None:
        """All of it: hooks, jail, roots, user, sockets, seed."""
        self.boot(
            *SERVED, *USER, *self.hooks(),
            *("--unshare", "fs,uts", "--chroot", "/jail", "--pivot-root", "/ns /ns/.old"),
            *("--unshare2", "net", "--file-write", "/proc/x=1", "--chdir", "/app"),
            *("--pidfile", "/run/a.pid", "--pidfile2", "/run/b.pid"),
        )  # fmt: skip
        self.assertEqual(
            self.told(),
            [
                "asap",
                "write_file /run/a.pid",
                "pre-jail",
                "in-jail",
                "write_file /proc/x",
                "unshare 0x4020000",
                "post-jail",
                "chroot /jail",
                "chdir /",
                "chdir /ns",
                "pivot_root .",
                "chdir /",
                "unshare 0x40000000",
                "as-root",
                "setuid 33",
                "as-user",
                "chdir /app",
                "write_file /run/b.pid",
                "bind",
            ],
        )

    def test_a_reload(self) -> None:
        """A reload of somebody who is still root: asap, in-jail, and the hooks of root and user."""
        self.environ[RELOADS] = "0"
        self.boot(*SERVED, *USER, *self.hooks(), "--unshare", "fs", "--chroot", "/jail")
        self.assertEqual(self.told(), ["asap", "in-jail", "as-root", "setuid 33", "as-user", "bind"])

    def test_a_reload_of_a_user(self) -> None:
        """A reload of a user: neither the hooks of root nor those of the user, and no complaint."""
        self.kernel.uid = self.kernel.gid = 33
        self.environ[RELOADS] = "0"
        self.boot(*SERVED, *USER, *self.hooks(), "--unshare", "fs", "--chroot", "/jail", "--cap", "chown")
        self.assertEqual(self.told(), ["asap", "in-jail", "bind"])
        self.assertEqual([line for line in self.said if "needs root" in line], [])

    def test_an_ordinary_user(self) -> None:
        """Who is not root has the hooks before and in a jail, and is told of the others."""
        self.kernel.uid = self.kernel.gid = 1000
        self.boot(*SERVED, *self.hooks())
        self.assertEqual(self.told(), ["asap", "pre-jail", "in-jail", "bind"])
        self.assertEqual(
            [line.split()[3] for line in self.said if "needs root, ignored" in line],
            ["exec-post-jail", "exec-as-root", "exec-as-user"],
        )

    def test_given_sockets(self) -> None:
        """chown-socket: the step comes after the sockets, and chdir is done again in the new root."""
        self.boot(
            *(
                "--socket",
                "/run/a.sock",
                "--chown-socket",
                "www-data",
                "--chroot",
                "/jail",
                "--chdir",
                "/app",
            ),
            *USER,
        )
        self.assertEqual(
            self.told(),
            ["chdir /app", "bind", "chroot /jail", "chdir /", "chdir /app", "setuid 33"],
        )

    def test_somebody_else_drops(self) -> None:
        """Where others drop, the hooks of root run here, once; where they enter a jail, there."""
        for lines, told in (
            ((), ["pre-jail", "in-jail", "as-root", "bind"]),
            (("--chroot", "/jail"), ["pre-jail", "in-jail", "bind"]),
        ):
            self.kernel.calls.clear()
            self.kernel.descriptors.clear()
            self.kernel.forks = [SEED]
            self.environ.clear()
            self.boot(*SERVED, *USER, "--master-as-root", *self.hooks()[2:], *lines)
            self.assertEqual(self.told(), told)

    def test_an_unknown_user_of_another_root(self) -> None:
        """A name that only the new root knows is nothing to complain of before."""
        with self.assertRaisesRegex(ConfigError, "user ghost not found"):
            self.boot(*SERVED, "--uid", "ghost", "--chroot", "/jail")
        self.assertIn("chroot /jail", self.told())


class DeviceTests(IsolationCase):
    """What rooms open where the instance lives."""

    def setUp(self) -> None:
        super().setUp()
        self.kernel.forks = [SEED]

    def opened(self, *argv: str) -> list[str]:
        def open_one(settings: object, kernel: object, say: object, kept: object) -> list[Gateway]:
            self.kernel.calls.append(("open_tun", "probe0"))
            return [Gateway("uWSGI probe 1", lambda life: life.run())]

        family: Registry[object] = Registry("jail setup")
        family.member("probe")(open_one)
        self.patch(isolating, "jail_setups", family)
        booted = self.boot(*SERVED, *self.hooks(), *argv)
        self.assertEqual([gateway.name for gateway in booted.household.gateways], ["uWSGI probe 1"])
        return [word for word in self.told() if word not in ("fork", "bind")]

    def test_without_a_jail(self) -> None:
        """They are there for the commands in jail."""
        self.assertEqual(
            self.opened(), ["asap", "pre-jail", "open_tun probe0", "in-jail", "as-root", "as-user"]
        )

    def test_in_a_jail(self) -> None:
        """In a jail they are made inside, for the commands of root."""
        self.assertEqual(
            self.opened("--unshare", "net"),
            [
                "asap",
                "pre-jail",
                "in-jail",
                "unshare 0x40000000",
                "post-jail",
                "open_tun probe0",
                "as-root",
                "as-user",
            ],
        )

    def test_the_real_family(self) -> None:
        """tun devices of vassals are members of that family."""
        self.assertIn("tuntap-device", jail_setups)


class JailTests(IsolationCase):
    def test_the_process_outside(self) -> None:
        """namespace: outside there are the hooks of post-jail without their mounts, and nothing else."""
        self.kernel.add_file("/proc/self/ns/pid")
        self.kernel.forks = [77]
        self.kernel.ended[77] = (os.CLD_EXITED, 1)
        self.patch(isolating, "Warden", partial(Warden, listen=lambda: Heard(signal.SIGCHLD)))
        with self.assertRaises(Exited):
            self.boot(*SERVED, "--namespace", "/jail", *self.hooks(), "--mount-post-jail", "proc none /proc")
        self.assertEqual(
            self.told(), ["asap", "pre-jail", "unshare 0x20000000", "fork", "setns 4", "post-jail"]
        )
        self.assertEqual(self.environ["UWSGI_JAIL_PID"], "77")


class PatchTests(IsolationCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGPIPE, signal.getsignal(signal.SIGPIPE))

    def become(self, *argv: str) -> Executed:
        with self.assertRaises(Executed) as caught:
            self.boot(*SERVED, *argv)
        found = caught.exception
        assert isinstance(found, Executed)
        return found

    def test_privileged(self) -> None:
        """It replaces us after pre-jail, with our arguments."""
        found = self.become("--privileged-binary-patch", "/opt/patched", *self.hooks())
        self.assertEqual((found.path, found.arguments[:3]), ("/opt/patched", ("/opt/patched", *SERVED[:2])))
        self.assertEqual(self.told(), ["asap", "pre-jail", "execve /opt/patched"])

    def test_a_command(self) -> None:
        """The other one is a command of the shell."""
        found = self.become("--privileged-binary-patch-arg", "exec other")
        self.assertEqual(found.arguments, ("/bin/sh", "-c", "exec other"))

    def test_unprivileged(self) -> None:
        """After the drop, as the last thing of the step."""
        found = self.become(*USER, "--unprivileged-binary-patch", "/opt/patched", "--exec-as-user", "user")
        self.assertEqual(found.path, "/opt/patched")
        self.assertEqual(self.told(), ["setuid 33", "user", "execve /opt/patched"])

    def test_shared_sockets(self) -> None:
        """Sockets that are open already are inherited."""
        self.become("--shared-socket", "127.0.0.1:80", "--privileged-binary-patch", "/opt/patched")
        self.assertEqual(len(self.kernel.inheritable), 1)


class NamespaceTests(IsolationCase):
    def test_lending(self) -> None:
        """A socket for our namespaces, for nobody but us, which a reload finds again."""
        self.kernel.add_file("/run/ns.sock", mode=stat.S_IFSOCK | 0o755)
        for name in ORDER:
            self.kernel.add_file(f"/proc/self/ns/{name}")
        first = self.boot(*SERVED, "--setns-socket", "/run/ns.sock", "--setns-preopen", "--setns-skip", "mnt")
        self.assertEqual(stat.S_IMODE(self.kernel.files["/run/ns.sock"].mode), 0o600)
        left = inheritance_of(first)
        self.assertEqual(len(left.lent), len(ORDER) - 1)
        self.assertIsNotNone(left.setns_socket)
        assert first.kept is not None
        first.kept.leave_behind(self.environ)
        self.environ[RELOADS] = "0"
        self.kernel.forks = [SEED]
        again = inheritance_of(
            self.boot(
                *("--http-socket", "127.0.0.1:8081", "--setns-socket", "/run/ns.sock", "--setns-preopen"),
                *("--setns-skip", "mnt"),
            )
        )
        self.assertEqual((again.lent, again.setns_socket), (left.lent, left.setns_socket))

    def test_a_reload_stays(self) -> None:
        """A reload joins nothing."""
        self.environ[RELOADS] = "0"
        self.boot(*SERVED, "--setns", "/run/ns.sock")
        self.assertIn("setns: a reload stays in the namespaces that came from /run/ns.sock", self.said)


class ReserveTests(IsolationCase):
    def test_without_null(self) -> None:
        """A root need not have /dev/null: standard input got it before, and Twisted does without."""
        reservation: Any = tcp._reservedFD
        self.addCleanup(setattr, reservation, "_fileFactory", reservation._fileFactory)
        self.boot(*SERVED, "--chroot", "/jail")
        held = reservation._fileFactory()
        self.addCleanup(held.close)
        self.assertIsInstance(held, socket.socket)
        self.assertIn("dup2", self.kernel.names())


class FailureTests(IsolationCase):
    def test_a_file_that_can_not_be_written(self) -> None:
        """file-write names its file."""
        self.kernel.fail("write_file", errno.EACCES)
        with self.assertRaisesRegex(KernelError, r"file-write: Permission denied \[/proc/x\]"):
            self.boot(*SERVED, "--file-write", "/proc/x=1")

    def test_a_cgroup(self) -> None:
        """Groups are joined before the jail."""
        self.kernel.fail("mkdir", errno.EROFS)
        with self.assertRaisesRegex(KernelError, "cgroup"):
            self.boot(*SERVED, "--cgroup", "/sys/fs/cgroup/x", "--unshare", "fs")
        self.assertNotIn("unshare", self.kernel.names())
