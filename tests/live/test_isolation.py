"""Real namespaces, and who is in them."""

from __future__ import annotations

import json
import signal
import socket

import psutil

from tests.live.jails import NOBODY, JailCase, mounts_of, namespace_of
from tests.live.namespaces import Net
from tests.live.support import fetch, requires, wait_until


class NamespaceTests(JailCase):
    def test_host_name_and_mounts(self) -> None:
        """uts and fs: a host name and a mount that nobody outside sees, though / is shared out there."""
        requires("unshare", "mount")
        inner = self.folder / "inner"
        inner.mkdir()
        daemon = self.serve(
            self.config(
                "unshare = uts,fs\nhook-post-jail = hostname:foobar\n"
                f"exec-as-root = mount -t tmpfs uwsgid-inner {inner} && echo hidden > {inner}/file"
            ),
            prefix=("unshare", "-m", "--propagation", "shared"),
        )
        facts = self.facts()
        self.assertEqual((facts["host"], facts["uid"]), ("foobar", 0))
        self.assertNotEqual(socket.gethostname(), "foobar")
        self.assertIn("uwsgid-inner", mounts_of(facts["pid"]))
        self.assertEqual(list(inner.iterdir()), [])
        self.assertNotIn("shared:", mounts_of(daemon.pid))
        self.assertEqual(daemon.seen("made / private"), 1, daemon.log())

    def test_a_network(self) -> None:
        """net: only lo is there; a shared socket of the host serves all the same."""
        self.serve(
            f"shared-socket = 127.0.0.1:{self.port}\nhttp-socket = =0\nwsgi-file = {self.path('app.py')}\n"
            "unshare = net\nuid = nobody\ngid = nogroup\n"
        )
        facts = self.facts()
        self.assertEqual((facts["interfaces"], facts["uid"]), (["lo"], NOBODY))

    def test_users(self) -> None:
        """user: the root of the jail is nobody outside, and other users are mapped too."""
        daemon = self.serve(
            self.config(
                "unshare = user,uts\nuid-map = 0 100000 65536\ngid-map = 0 100000 65536\n"
                "hook-as-root = hostname:rootless\nuid = 33\ngid = 33"
            )
        )
        facts = self.facts()
        self.assertEqual(
            (facts["uid"], facts["host"], facts["uid_map"]), (33, "rootless", ["0", "100000", "65536"])
        )
        self.assertEqual(set(psutil.Process(facts["pid"]).uids()), {100033})
        self.assertEqual(set(psutil.Process(daemon.pid).uids()), {100033})

    def test_rootless(self) -> None:
        """An ordinary user is root in a user namespace of his own, and may change his host name and root."""
        requires("setpriv")
        root = self.make_root()
        self.folder.chmod(0o777)
        daemon = self.serve(
            self.config(
                f"unshare = user,uts,fs\nhook-post-jail = hostname:mine\nchroot = {root}", app="/app/app.py"
            ),
            prefix=("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"),
        )
        facts = self.facts()
        self.assertEqual((facts["uid"], facts["host"], facts["root"]), (0, "mine", ["app", "old", "proc"]))
        self.assertEqual(set(psutil.Process(facts["pid"]).uids()), {1234})
        self.assertEqual(daemon.seen("needs root"), 0)

    def test_refusals(self) -> None:
        """What needs root does not start without it, and a word nobody knows does not start at all."""
        requires("setpriv")
        user = ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups")
        self.folder.chmod(0o777)
        self.refused("unshare = fs", "site.ini:7: unshare: needs root", prefix=user)
        self.refused("chroot = /", r"cannot chroot\(\) as non-root user", prefix=user)
        self.refused("unshare = fs,nett", r"unknown namespace subsystem: nett; did you mean net\?")


class DeviceTests(JailCase):
    def test_a_device_inside(self) -> None:
        """A tuntap-device is made in the network that unshare leads to, and joins a router outside."""
        requires("ip", "ping")
        outside = Net(self).space("o")
        router = self.path("tuntap.sock")
        self.launch(
            f"tuntap-router = emperor0 {router}\nexec-as-root = ip addr add 10.77.0.1/24 dev emperor0\n"
            "exec-as-root = ip link set emperor0 up",
            prefix=outside.prefix,
            name="router.ini",
        ).wait_for("spawned uWSGI tuntap router 1")
        self.serve(
            f"shared-socket = {self.path('app.sock')}\nhttp-socket = =0\nwsgi-file = {self.path('app.py')}\n"
            f"unshare = net,uts,pid,fs\ntuntap-device = uwsgi0 {router}\nchmod-socket = 666\n"
            "exec-as-root = ip link set lo up\nexec-as-root = ip addr add 10.77.0.2/24 dev uwsgi0\n"
            "exec-as-root = ip link set uwsgi0 up\nexec-as-root = ping -n -c 1 -W 30 10.77.0.1\n"
            "uid = nobody\ngid = nogroup\n",
            prefix=outside.prefix,
        )
        answer = fetch(self.path("app.sock"))
        self.assertEqual(json.loads(answer.body)["interfaces"], ["lo", "uwsgi0"])
        self.assertTrue(outside.answers("10.77.0.2", wait=30))
        self.assertNotIn("uwsgi0", outside.run("ip", "-br", "link"))


class PidTests(JailCase):
    """A pid namespace, and the process that stands for it outside."""

    MORE = "unshare = pid,fs\nhook-as-root = mount:proc none /proc\nuid = nobody\ngid = nogroup"

    def test_the_first_process(self) -> None:
        """The master is process 1, everybody else is its child, and /proc says so."""
        for refork in ("", "refork-post-jail = true", "refork-as-root = true"):
            daemon = self.serve(self.config(f"{self.MORE}\n{refork}"))
            facts = self.facts()
            self.assertEqual((facts["parent"], facts["uid"]), (1, NOBODY), refork)
            self.assertLess(facts["pid"], 30)
            self.assertNotEqual(facts["capabilities"], "", "there is a /proc of its own")
            master = self.inside(daemon)
            self.assertNotEqual(namespace_of(master.pid, "pid"), namespace_of(daemon.pid, "pid"))
            daemon.signal(signal.SIGINT)
            self.assertEqual(daemon.wait(), 0, daemon.log())
            self.leaves_nobody(daemon)

    def test_after_the_drop(self) -> None:
        """refork alone: the hooks of root are still outside, the user is not."""
        daemon = self.serve(
            self.config("unshare = pid\nrefork = true\nexec-as-root = echo still $$\nuid = nobody")
        )
        still = int(daemon.wait_for(r"^still (\d+)$")[1])
        self.assertGreater(still, 30)
        self.assertEqual(self.facts()["parent"], 1)

    def test_signals(self) -> None:
        """HUP for the process outside reloads the instance, and INT ends it."""
        daemon = self.serve(self.config(self.MORE))
        before = self.facts()["pid"]
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"Respawned uWSGI worker 1 \(new pid: \d+\)")
        wait_until(lambda: self.facts()["pid"] != before, "another worker answers")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.seen("goodbye to uWSGI"), 1)

    def test_exit_codes(self) -> None:
        """An instance that fails inside fails outside with the same code, and so it is with a signal."""
        daemon = self.launch(self.config(self.MORE, app="/nowhere.py"))
        self.assertEqual(daemon.wait(), 22, daemon.log())
        daemon = self.serve(self.config(self.MORE))
        self.inside(daemon).kill()
        self.assertEqual(daemon.wait(), 137, daemon.log())
        self.leaves_nobody(daemon)

    def test_killed(self) -> None:
        """Killing the process outside leaves nobody behind."""
        daemon = self.serve(self.config(self.MORE, workers=2), workers=2)
        self.assertGreater(len(daemon.family()), 3)
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        self.leaves_nobody(daemon)

    def test_an_early_end(self) -> None:
        """A start that is told to end does so, also as the first process, which the kernel protects."""
        daemon = self.launch(self.config(f"{self.MORE}\nexec-as-user = echo waiting; sleep 600"))
        daemon.wait_for("^waiting$")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 143, daemon.log())
        self.leaves_nobody(daemon)


class PatchTests(JailCase):
    def test_programs(self) -> None:
        """A program in our place, before or after the drop, with our arguments."""
        for option, said in (
            ("privileged-binary-patch = /bin/echo", r"^/.*site\.ini$"),
            ("privileged-binary-patch-arg = echo I am `id -u`", "^I am 0$"),
            ("unprivileged-binary-patch-arg = echo I am `id -u`", f"^I am {NOBODY}$"),
        ):
            daemon = self.launch(self.config(f"uid = nobody\ngid = nogroup\n{option}"))
            self.assertEqual(daemon.wait(), 0, daemon.log())
            daemon.wait_for(said)

    def test_file_write(self) -> None:
        """file-write writes a line before privileges are dropped."""
        target = self.folder / "written"
        self.serve(self.config(f"file-write = {target}=a=b\nuid = nobody"))
        self.assertEqual((target.read_text(), target.stat().st_uid), ("a=b\n", 0))
