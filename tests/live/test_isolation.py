"""Real namespaces, real roots, and who is in them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
from pathlib import Path

import psutil

from tests.live.jails import NOBODY, JailCase, mounts_of, namespace_of
from tests.live.namespaces import Net
from tests.live.support import ROOT, SPAWNED, Daemon, descriptors, fetch, free_port, requires, wait_until


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


class RootTests(JailCase):
    """Other roots, in none of which there is a Python."""

    def reload(self, daemon: Daemon) -> None:
        """A graceful reload, after which somebody else answers."""
        before = self.facts()["pid"]
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: self.facts()["pid"] != before, "another worker answers")

    def test_a_memory_file_system(self) -> None:
        """pivot-root into a tmpfs, whose old root is let go: nothing of the host is left to be seen."""
        place = self.folder / "jail"
        place.mkdir()
        daemon = self.serve(
            self.config(
                f"unshare = fs,pid\nhook-post-jail = mount:tmpfs uwsgid-jail {place}\n"
                f"exec-post-jail = mkdir {place}/app {place}/old && cp {self.path('app.py')} {place}/app\n"
                f"pivot-root = {place} {place}/old\npivot-root-detach = true\nuid = 33\ngid = 33",
                app="/app/app.py",
            )
        )
        facts = self.facts()
        self.assertEqual((facts["root"], facts["cwd"], facts["uid"]), (["app", "old"], "/", 33))
        seen = mounts_of(self.inside(daemon).pid)
        self.assertEqual([line.split()[4] for line in seen.splitlines()], ["/"], seen)
        self.assertEqual(list(place.iterdir()), [], "nobody outside sees it")
        self.reload(daemon)

    def test_a_bound_directory(self) -> None:
        """pivot-root into a directory that is bound to itself, with its own users and its own shell."""
        root = self.make_root(shell=True)
        (root / "etc").mkdir()
        (root / "etc" / "passwd").write_text("jailbird:x:4321:4321::/:/bin/sh\n")
        (root / "etc" / "group").write_text("birds:x:4321:\n")
        daemon = self.serve(
            self.config(
                f"unshare = fs,uts\nhook-post-jail = mount:none {root} {root} bind\n"
                f"pivot_root = {root} {root}/old\nhook-as-root = mount:proc none /proc\n"
                "hook-as-root = umount:/old rec,detach\nexec-as-root = hostname cage\nexec-as-user = id -u\n"
                "uid = jailbird\ngid = birds\nchdir = /app",
                app="app.py",
            )
        )
        daemon.wait_for("^4321$")
        facts = self.facts()
        self.assertEqual((facts["host"], facts["cwd"], facts["uid"]), ("cage", "/app", 4321))
        self.assertEqual(facts["root"], ["app", "bin", "etc", "old", "proc"])
        places = [line.split()[4] for line in mounts_of(facts["pid"]).splitlines()]
        self.assertEqual(sorted(places), ["/", "/proc"])
        self.reload(daemon)

    def test_a_debian_tree(self) -> None:
        """pivot-root into a Debian without a Python, whose own shell runs the hooks inside."""
        root = self.make_debian()
        daemon = self.serve(
            self.config(
                f"unshare = fs,pid,uts\nhook-post-jail = mount:none {root} {root} bind,rec\n"
                f"pivot-root = {root} {root}/old\npivot-root-detach = true\n"
                "hook-as-root = mount:proc none /proc\n"
                'exec-as-root = . /etc/os-release; read pid rest </proc/self/stat; echo "$ID runs $pid"\n'
                "uid = 33\ngid = 33",
                app="/app/app.py",
            )
        )
        daemon.wait_for(r"^debian runs \d\d?$")
        facts = self.facts()
        self.assertEqual((facts["root"], facts["uid"]), (sorted(os.listdir(root)), 33))
        self.assertFalse((root / "usr" / "bin" / "python3").exists())
        places = [line.split()[4] for line in mounts_of(self.inside(daemon).pid).splitlines()]
        self.assertEqual(sorted(places), ["/", "/proc"])
        self.reload(daemon)

    def test_chroot(self) -> None:
        """chroot, from which no open directory leads out."""
        root = self.make_root()
        daemon = self.serve(self.config(f"chroot = {root}\nuid = 33\ngid = 33", app="/app/app.py"))
        self.assertEqual(self.facts()["root"], ["app", "old", "proc"])

        def has_no_way_out(process: psutil.Process) -> None:
            self.assertEqual(os.readlink(f"/proc/{process.pid}/root"), str(root))
            self.assertTrue(os.readlink(f"/proc/{process.pid}/cwd").startswith(str(root)))
            for target, facts in descriptors(process.pid):
                self.assertFalse(stat.S_ISDIR(facts.st_mode), target)

        daemon.examine(has_no_way_out)
        self.reload(daemon)

    def test_applications_from_outside(self) -> None:
        """drop-after-apps: what is loaded outside serves from within the jail, in each generation."""
        root = self.make_root()
        for more in ("", "lazy-apps = true\n"):
            daemon = self.serve(
                self.config(
                    f"chroot = {root}\nunshare = uts\nhook-as-root = hostname:cage\ndrop-after-apps = true\n"
                    f"uid = 33\ngid = 33\n{more}"
                )
            )
            facts = self.facts()
            self.assertEqual(
                (facts["root"], facts["uid"], facts["host"]), (["app", "old", "proc"], 33, "cage")
            )
            self.assertEqual(psutil.Process(daemon.pid).uids().real, 33)
            self.assertEqual(os.readlink(f"/proc/{daemon.pid}/root"), "/")
            self.reload(daemon)
            daemon.signal(signal.SIGINT)
            self.assertEqual(daemon.wait(), 0, daemon.log())

    def test_a_bare_root(self) -> None:
        """Statistics, limits and a log of the master's work without /dev and without /proc."""
        (root := self.folder / "jail").mkdir()
        shutil.copy(self.folder / "app.py", root)
        stats = free_port()
        daemon = self.serve(
            self.config(
                f"chroot = {root}\nunshare = pid\nstats = 127.0.0.1:{stats}\nmemory-report = true\n"
                "log-master = true\nharakiri = 20\nevil-reload-on-rss = 400\nauto-procname = true\n"
                "uid = 33\ngid = 33",
                app="/app.py",
            )
        )
        self.assertEqual(self.facts()["root"], ["app.py"])
        with socket.create_connection(("127.0.0.1", stats), 30) as client, client.makefile("rb") as told:
            told_pids = [worker["pid"] for worker in json.load(told)["workers"]]
        self.assertEqual(told_pids, [self.facts()["pid"]])
        self.reload(daemon)
        self.assertEqual(daemon.seen("mistake"), 0, daemon.log())

    def test_mistakes(self) -> None:
        """What is missing is told, with what to do about it."""
        root = self.make_root()
        self.refused(
            f"unshare = fs\npivot-root = {root} {root}/old",
            "busy .*the new root has to be a mount point",
        )
        self.refused(
            f"unshare = fs\nhook-post-jail = mount:none {root} {root} bind\npivot-root = {root} {root}/older",
            f"No such file or directory .*make the directory {root}/older",
        )
        self.refused(
            f"unshare = fs\npivot-root = {root}/not {root}/not/old",
            rf"chdir\(\): No such file or directory \[pivot-root {root}/not\]",
        )
        self.refused("unshare = fs\npivot-root = /a", "new_root and put_old must be separated by a space")
        self.refused(f"chroot = {root}/not", rf"chroot\(\): No such file or directory \[{root}/not\]")
        self.refused(f"chroot = {root}\nuid = jailbird", "user jailbird not found")

    def test_workers_alone(self) -> None:
        """With master-as-root the zygote, and so the workers, are in the jail, and the master is not."""
        root = self.make_root()
        daemon = self.serve(
            self.config(
                f"chroot = {root}\nunshare = uts\nhook-as-root = hostname:cage\nmaster-as-root = true\n"
                "uid = 33\ngid = 33",
                app="/app/app.py",
            )
        )
        facts = self.facts()
        self.assertEqual((facts["uid"], facts["root"], facts["host"]), (33, ["app", "old", "proc"], "cage"))
        self.assertEqual(os.readlink(f"/proc/{daemon.pid}/root"), "/")
        self.assertEqual(psutil.Process(daemon.pid).uids().real, 0)
        self.reload(daemon)
        self.assertEqual(daemon.seen('running "hostname:cage"'), 2, daemon.log())


class AllInOneTests(JailCase):
    def test_a_jail(self) -> None:
        """namespace: a root, a host name, a /proc and a kept mount; who is killed inside is born anew."""
        root = self.make_root(shell=True)
        (root / "data").mkdir()
        (self.folder / "data").mkdir()
        (self.folder / "data" / "kept").write_text("kept")
        self.folder.chmod(0o755)
        daemon = self.serve(
            self.config(
                f"namespace = {root}:cage\nnamespace-keep-mount = {self.path('data')}:/data\n"
                "exec-post-jail = echo outside of $UWSGI_JAIL_PID\nexec-in-jail = hostname\nuid = 33\n"
                "gid = 33",
                app="/app/app.py",
            )
        )
        inner = int(daemon.wait_for(r"^outside of (\d+)$")[1])
        daemon.wait_for("^cage$")
        facts = self.facts()
        self.assertEqual((facts["parent"], facts["host"], facts["uid"]), (1, "cage", 33))
        self.assertEqual(facts["root"], ["app", "bin", "data", "old", "proc"])
        places = [line.split()[4] for line in mounts_of(inner).splitlines()]
        self.assertEqual(sorted(places), ["/", "/data", "/proc"])
        os.kill(inner, signal.SIGKILL)
        daemon.wait_for(f"pid {inner} ended. Respawning...")
        daemon.wait_for(SPAWNED, count=2)
        self.assertEqual(self.facts()["host"], "cage")
        daemon.signal(signal.SIGINT)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.leaves_nobody(daemon)

    def test_killed(self) -> None:
        """Killing the process outside leaves nobody in the jail."""
        root = self.make_root()
        daemon = self.serve(self.config(f"namespace = {root}\nuid = 33\ngid = 33", app="/app/app.py"))
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        self.leaves_nobody(daemon)

    def test_in_vain(self) -> None:
        """Whoever can not start inside is not born again and again."""
        root = self.make_root()
        (root / "proc").rmdir()
        self.refused(f"namespace = {root}", r"mount\(\): No such file or directory \[/proc\]")


class LeftoverTests(JailCase):
    """Nothing of root is left after the drop."""

    def test_nothing_of_root(self) -> None:
        """Users, groups, capabilities, descriptors and our own notes in the environment, of every process."""
        self.folder.chmod(0o777)
        daemon = self.serve(
            self.config(
                "unshare = fs,uts,ipc\nuid = nobody\ngid = nogroup\nsetns-preopen = true\n"
                f"shared-socket = {self.path('shared.sock')}\nlog-master = true\nthreads = 2\n"
                f"setns-socket = {self.path('setns.sock')}"
            ),
            environ={"LISTEN_PID": "1"},
        )
        self.facts()
        self.assertGreaterEqual(len(daemon.examine(self.inspect)), 4)

    def inspect(self, process: psutil.Process) -> None:
        """Nothing of root is to be found in this process."""
        place = Path(f"/proc/{process.pid}")
        for task in (place / "task").iterdir():
            try:
                lines = (task / "status").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):  # a thread that ended
                continue
            told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            self.assertEqual(told["Uid"].split(), [str(NOBODY)] * 4)
            self.assertEqual(told["Gid"].split(), [str(NOBODY)] * 4)
            self.assertEqual(told["Groups"].split(), [str(NOBODY)])
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(told[name], 16), 0, name)
        title = " ".join(process.cmdline()) + process.name()
        variables = {one.partition("=")[0] for one in (place / "environ").read_text().split("\0")}
        ours = {name for name in variables if name.startswith("UWSGID_")} - os.environ.keys()
        self.assertEqual(ours, {"UWSGID_LIVE_MARK"})
        for target, facts in descriptors(process.pid):
            kind = facts.st_mode
            self.assertFalse(stat.S_ISDIR(kind), f"{target} of {title}")
            if target.split(":")[0] in ("net", "uts", "ipc", "pid", "cgroup", "mnt"):
                self.assertNotRegex(title, "zygote|worker", "applications find no namespace of root")
                continue
            if stat.S_ISREG(kind):
                self.assertRegex(target, "^/memfd:|^/dev/|^/proc/\\d+/statm$|\\(deleted\\)$")

    def test_a_socket_of_its_own(self) -> None:
        """chown-socket: root gives the socket away, and only then ceases to be root."""
        path = self.path("given.sock")
        daemon = self.serve(
            f"socket = {path}\nchown-socket = nobody:nogroup\nuid = 33\ngid = 33\n"
            f"wsgi-file = {self.path('app.py')}\nmaster = true\nexec-as-root = ls -l {path}"
        )
        daemon.wait_for(r" nobody nogroup .* \S+given\.sock$")
        self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), (NOBODY, NOBODY))
        self.assertEqual(set(daemon.examine(lambda process: process.uids().real).values()), {33})


class ExampleTests(JailCase):
    def test_the_manual(self) -> None:
        """The jail of the manual: read-only, with nothing but itself in it."""
        place = self.folder / "jail"
        place.mkdir()
        shutil.copy(ROOT / "examples" / "hello.py", self.folder)
        text = (ROOT / "examples" / "jailed.ini").read_text().partition("[uwsgi]\n")[2]
        text = text.replace("/srv/jail", str(place)).replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        daemon = self.serve(text)
        answer = fetch(("127.0.0.1", self.port))
        self.assertIn(b"Hello from uwsgid.", answer.body)
        seen = [line.split()[4:6] for line in mounts_of(self.inside(daemon).pid).splitlines()]
        self.assertEqual([(where, how.split(",")[0]) for where, how in seen], [("/", "ro"), ("/proc", "rw")])


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


class SetnsTests(JailCase):
    """Namespaces that are passed over a socket, ours and those of the real uWSGI."""

    def lend(self, server: str, more: str = "") -> str:
        """An instance in namespaces of its own, with a host name of its own, that lends them."""
        path = self.path("setns.sock")
        config = (
            f"socket = {self.path('lender.sock')}\nmaster = true\nprocesses = 1\nunshare = uts,ipc,fs\n"
            f"exec-as-root = hostname lent\nsetns-socket = {path}\n{more}"
        )
        if server == "uwsgi":
            config += (
                "setns-socket-skip = user\nsetns-socket-skip = time\nsetns-socket-skip = time_for_children\n"
            )
        self.launch(config, server=server, name="lender.ini")
        wait_until(lambda: os.path.exists(path), "namespaces are lent")
        return path

    def test_our_own(self) -> None:
        """Ours from ours, with a mode that keeps others away."""
        path = self.lend("uwsgid")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"))
        self.assertEqual(self.facts()["host"], "lent")

    def test_processes(self) -> None:
        """A pid namespace is joined by one more process, which is not the first one there."""
        path = self.lend("uwsgid", "unshare = pid\nhook-as-root = mount:proc none /proc\n")
        daemon = self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"))
        facts = self.facts()
        self.assertEqual(facts["host"], "lent")
        inner = self.inside(daemon)
        self.assertNotEqual(namespace_of(inner.pid, "pid"), namespace_of(os.getpid(), "pid"))
        self.assertGreater(facts["parent"], 1)
        self.assertLess(facts["pid"], 60)
        before = facts["pid"]
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: self.facts()["pid"] != before, "another worker answers")
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        self.leaves_nobody(daemon)

    def test_from_uwsgi(self) -> None:
        """Ours joins what the real uWSGI lends."""
        requires("uwsgi-core")
        path = self.lend("uwsgi")
        self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"))
        self.assertEqual(self.facts()["host"], "lent")

    def test_to_uwsgi(self) -> None:
        """The real uWSGI joins what ours lends."""
        requires("uwsgi-core")
        path = self.lend("uwsgid")
        self.serve(self.config(f"setns = {path}\nuid = nobody\ngid = nogroup"), server="uwsgi")
        self.assertEqual(self.facts()["host"], "lent")

    def test_patience(self) -> None:
        """Who is to lend may come later."""
        daemon = self.launch(self.config(f"setns = {self.path('setns.sock')}"))
        daemon.wait_for("trying again every second")
        self.lend("uwsgid")
        daemon.wait_for(SPAWNED)
        self.assertEqual(fetch(("127.0.0.1", self.port)).status, 200)
        self.assertEqual(self.facts()["host"], "lent")
