"""Actions on the process, and commands."""

from __future__ import annotations

import errno
import stat

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.support import Stage
from uwsgid.hooks import Phase, VassalFacts
from uwsgid.hooks.options import parse_action


class Commands(SynchronousTestCase):
    def test_exec(self) -> None:
        """The shell runs a command, and 0 is success."""
        stage = Stage()
        self.assertEqual(stage.do("exec:ip link set lo up"), "")
        self.assertEqual(stage.kernel.calls, [("run_command", "/bin/sh", "ip link set lo up")])

    def test_failure(self) -> None:
        """A code is told; a signal counts as 128 more than its number."""
        stage = Stage()
        stage.kernel.exit_codes = {"false": 3, "kill -9 $$": 137}
        self.assertEqual(stage.do("exec:false"), 'exec: command "false" exited with non-zero code: 3')
        self.assertEqual(
            stage.do("exec:kill -9 $$"), 'exec: command "kill -9 $$" exited with non-zero code: 137'
        )

    def test_private(self) -> None:
        """A private command is not told, its code is."""
        stage = Stage()
        stage.kernel.exit_codes = {"secret": 1}
        self.assertEqual(stage.do("!exec:secret"), "exec: the command exited with non-zero code: 1")
        stage.kernel.fail("run_command", errno.ENOENT)
        self.assertEqual(
            stage.do("!exec:secret"), "exec: the command can not be run: No such file or directory"
        )

    def test_no_shell(self) -> None:
        """A shell that can not be run is a failure like others."""
        stage = Stage()
        stage.kernel.fail("run_command", errno.ENOENT)
        self.assertEqual(
            stage.do("exec:true"), 'exec: command "true" can not be run: No such file or directory'
        )

    def test_the_shell(self) -> None:
        """The first of binsh that can be executed runs it."""
        stage = Stage("binsh = /nowhere\nbinsh = /bin/text\nbinsh = /bin/dir\nbinsh = /bin/dash")
        stage.kernel.add_file("/bin/dash", mode=stat.S_IFREG | 0o755)
        stage.kernel.add_file("/bin/text", mode=stat.S_IFREG | 0o644)
        stage.kernel.add_file("/bin/dir", mode=stat.S_IFDIR | 0o755)
        stage.do("exec:true")
        self.assertEqual(stage.kernel.calls, [("run_command", "/bin/dash", "true")])

    def test_vassal(self) -> None:
        """A command of the Emperor knows whom it is about."""
        stage = Stage(vassal=VassalFacts("shop.ini", 4712, 33, 34))
        stage.do("exec:true", Phase.AS_EMPEROR)
        self.assertEqual(
            stage.kernel.calls,
            [
                (
                    "run_command",
                    "/bin/sh",
                    "true",
                    "UWSGI_VASSAL_CONFIG=shop.ini",
                    "UWSGI_VASSAL_GID=34",
                    "UWSGI_VASSAL_PID=4712",
                    "UWSGI_VASSAL_UID=33",
                )
            ],
        )

    def test_safeexec(self) -> None:
        """A safe command never fails, but that it did is said."""
        stage = Stage()
        stage.kernel.exit_codes = {"false": 1}
        self.assertEqual(stage.do("safeexec:false"), "")
        self.assertEqual(stage.said, ['command "false" exited with non-zero code: 1'])
        self.assertEqual(stage.do("!safeexec:false"), "")
        self.assertEqual(stage.said[1:], ["the command exited with non-zero code: 1"])
        stage.kernel.fail("run_command", errno.EACCES)
        self.assertEqual(stage.do("safeexec:true"), "")

    def test_no_command(self) -> None:
        """An empty command is a mistake."""
        for text in ("exec:", "safeexec: "):
            self.assertRaisesRegex(ValueError, "expected a command, got none", parse_action, text)


class Process(SynchronousTestCase):
    def test_directory(self) -> None:
        """``cd`` and ``chdir`` are the same."""
        stage = Stage()
        self.assertEqual((stage.do("cd:/srv"), stage.do('chdir:"/my srv"')), ("", ""))
        self.assertEqual(stage.kernel.calls, [("chdir", "/srv"), ("chdir", "/my srv")])
        stage.kernel.fail("chdir", errno.ENOENT)
        self.assertEqual(stage.do("cd:/no"), "cd: chdir(): No such file or directory [/no]")

    def test_private_path(self) -> None:
        """What the kernel refuses is told of a private hook without the path."""
        stage = Stage()
        stage.kernel.fail("chdir", errno.ENOENT)
        self.assertEqual(stage.do("!cd:/no"), "cd: chdir(): No such file or directory")

    def test_exit(self) -> None:
        """Every code counts, also those of one digit, which uWSGI takes for 0."""
        for text, code in (("exit:", 0), ("exit:1", 1), ("exit:17", 17), ("exit:255", 255)):
            self.assertEqual(self.assertRaises(SystemExit, Stage().do, text).code, code)
        for text in ("exit:x", "exit:256", "exit:-1"):
            self.assertRaisesRegex(ValueError, "expected an exit code from 0 to 255", parse_action, text)

    def test_print(self) -> None:
        """A text is said as it is, also where printf would read on."""
        stage = Stage()
        self.assertEqual((stage.do("print:100%s sure"), stage.do("log:")), ("", ""))
        self.assertEqual(stage.said, ["100%s sure", ""])

    def test_alarm(self) -> None:
        """The master is told; where there is none the log is, without what is private."""
        stage = Stage()
        self.assertEqual((stage.do("alarm:box the disk is full"), stage.do("!alarm:box x")), ("", ""))
        why = "is not raised: this process has no master, or none yet"
        self.assertEqual(stage.said, [f"the alarm box {why}", f"a private alarm {why}"])
        stage.said.clear()
        told: list[str] = []
        stage.tell = told.append
        self.assertEqual(stage.do("alarm:box  the disk: full "), "")
        self.assertEqual((told, stage.said), (["alarm box  the disk: full "], []))
        for text in ("", "box", "box "):
            self.assertRaises(ValueError, stage.do, f"alarm:{text}")

    def test_putenv(self) -> None:
        """A variable is set, and never removed by mistake."""
        stage = Stage()
        self.assertEqual((stage.do("putenv:A=b=c"), stage.do("putenv:EMPTY=")), ("", ""))
        self.assertEqual(stage.environ, {"A": "b=c", "EMPTY": ""})
        for text in ("putenv:A", "putenv:=b", "putenv:"):
            self.assertRaisesRegex(
                ValueError, "invalid hook putenv syntax, must be: putenv:<NAME>=<value>", parse_action, text
            )

    def test_hostname(self) -> None:
        """The host gets a name, and a failure is told, which uWSGI does not do."""
        stage = Stage()
        self.assertEqual(stage.do("hostname:foobar"), "")
        self.assertEqual(stage.kernel.hostname, "foobar")
        stage.kernel.fail("sethostname", errno.EPERM)
        self.assertEqual(
            stage.do("hostname:other"), "hostname: sethostname(): Operation not permitted [other]"
        )
