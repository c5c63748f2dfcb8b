"""Commands of the shell, for real."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.commands import feed, run_and_wait, start


class CommandTests(SynchronousTestCase):
    def test_codes(self) -> None:
        """The answer is the exit code; a signal counts as a failure, as for a shell."""
        for command, code in (("true", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143)):
            self.assertEqual(run_and_wait("/bin/sh", command), code, command)

    def test_no_shell(self) -> None:
        """A shell that does not exist is an error, not a code."""
        self.assertRaises(FileNotFoundError, run_and_wait, "/nowhere/sh", "true")

    def test_signals(self) -> None:
        """What was ignored or held back here is neither for the command."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.addCleanup(
            signal.pthread_sigmask,
            signal.SIG_SETMASK,
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,)),
        )
        self.assertEqual(run_and_wait("/bin/sh", "kill -HUP $$"), 128 + signal.SIGHUP)
        self.assertEqual(run_and_wait("/bin/sh", "kill -TERM $$"), 128 + signal.SIGTERM)

    def test_meanwhile(self) -> None:
        """Whoever waits can do something until the command ends, such as reading what it says."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_inheritable(writer, True)
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        heard = bytearray()

        def listen() -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.extend(os.read(reader, 65536))

        self.assertEqual(run_and_wait("/bin/sh", f"seq 1 50000 >/dev/fd/{writer}", listen), 0)
        self.assertEqual(heard.count(b"\n"), 50000)

    def test_surroundings(self) -> None:
        """It runs in our directory, with our environment and what we let it inherit."""
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        self.assertEqual(run_and_wait("/bin/sh", f"echo $PWD >/dev/fd/{writer}"), 0)
        os.close(writer)
        with open(reader) as said:
            self.assertEqual(said.read().strip(), os.getcwd())

    def test_variables(self) -> None:
        """It sees variables that are for it alone, beside our own."""
        self.assertEqual(
            run_and_wait("/bin/sh", 'test "$MINE" = 7 -a -n "$PATH"', variables={"MINE": "7"}), 0
        )
        self.assertNotIn("MINE", os.environ)

    def test_start(self) -> None:
        """Whoever does not wait gets the process, which stays a child of ours until we reap it."""
        pid = start("/bin/sh", "exit $CODE", {"CODE": "5"})
        found = os.waitid(os.P_PID, pid, os.WEXITED)
        assert found is not None
        self.assertEqual((found.si_code, found.si_status), (os.CLD_EXITED, 5))
        self.assertRaises(FileNotFoundError, start, "/nowhere/sh", "true")

    def test_fed(self) -> None:
        """It reads any length, in its own session, with nothing else open and no signal held back."""
        inherited = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, inherited)
        os.set_inheritable(inherited, True)
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.addCleanup(
            signal.pthread_sigmask,
            signal.SIG_SETMASK,
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,)),
        )
        path = self.mktemp()
        text = bytes(range(256)) * 4096
        look = f"cut -d ' ' -f 6 /proc/$$/stat > {path}.sid; ls /proc/$$/fd | cat > {path}.fds; "
        # not those of the shell, which holds signals back while it forks
        look += f"grep -E 'Sig(Blk|Ign)' /proc/self/status > {path}.signals"
        pid = feed("/bin/sh", f"cat > {path}; {look}; exit 7", text)
        found = os.waitid(os.P_PID, pid, os.WEXITED)
        assert found is not None
        self.assertEqual(found.si_status, 7)
        self.assertEqual(Path(path).read_bytes(), text)
        self.assertEqual(int(Path(f"{path}.sid").read_text()), pid)
        self.assertEqual(Path(f"{path}.fds").read_text().split(), ["0", "1", "2"])
        signals = [line.split() for line in Path(f"{path}.signals").read_text().splitlines()]
        # 32 and 33 belong to the C library
        self.assertEqual([int(mask, 16) & 0x7FFFFFFF for _, mask in signals], [0, 0])

    def test_fed_by_no_shell(self) -> None:
        """A shell that does not exist leaves no descriptor behind."""
        before = os.listdir("/proc/self/fd")
        self.assertRaises(FileNotFoundError, feed, "/nowhere/sh", "true", b"text")
        self.assertEqual(os.listdir("/proc/self/fd"), before)
