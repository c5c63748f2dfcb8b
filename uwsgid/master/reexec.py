"""A new process image for the same instance: when its configuration changed, or a brutal reload is wanted.

The process keeps its pid, its directory and its listening sockets; everything else is read and made again.
Before workers are disturbed, a helper process reads the configuration: one that can not be used changes
nothing.

A vassal that was forked needs no image, and may sit in a jail that has none: it begins again within its
process (`uwsgid.door.vassal`), and its helper is a child of its seed.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure

from uwsgid.host import Listener, emperor, prepare_reload
from uwsgid.host.kept import Kept
from uwsgid.interfaces import IKernel
from uwsgid.master.inheritance import Become
from uwsgid.master.unixsignals import hold, release
from uwsgid.wire.vassal import EMPEROR_FD, EMPEROR_FD_CONFIG, pack_config

#: What ``uwsgid check`` exits with for a configuration that can not be used.
_UNUSABLE: Final = 2

#: Is told whether a configuration can be used, and what is to be said about it.
Verdict = Callable[[bool, list[str]], None]


class Sources:
    """Tells whether the files of a configuration changed since they were read.

    :ivar out_of_reach: some of them can not be seen from here any more, as from a jail.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = [path for path in paths if os.path.isfile(path)]
        self._seen = self._look()
        self.out_of_reach: Final = any(os.path.isabs(path) and not os.path.exists(path) for path in paths)

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_facts(path) for path in self._paths]

    def changed(self) -> bool:
        """Whether any of them is another file, or has another size or time."""
        return self._look() != self._seen


def _facts(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class _Helper(ProcessProtocol):
    """Notes what a process writes.

    :ivar done: fires with that, its standard error and its exit code.
    """

    def __init__(self) -> None:
        self.done: Final[Deferred[tuple[bytes, bytes, int]]] = Deferred()
        self._said: Final = {1: bytearray(), 2: bytearray()}

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._said[childFD] += data

    def processEnded(self, reason: Failure) -> None:
        code = getattr(reason.value, "exitCode", None)
        self.done.callback((bytes(self._said[1]), bytes(self._said[2]), -1 if code is None else code))


class Reexec:
    """Replaces this process image.

    :param argv: the command line without the program.
    :param cwd: where the instance was started.
    :param environ: what the new image finds in its environment, the sockets apart.  The present one has what
        the configuration put there, which must not be taken for what the operator said.
    :param kept: descriptors that the new image gets, besides the sockets.
    :param become: what to do instead of an exec.
    :param read: reads the configuration in a helper that is no new image, and tells its problems.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        argv: Sequence[str],
        cwd: str,
        listeners: Sequence[Listener],
        say: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
        kept: Kept | None = None,
        become: Become | None = None,
        read: Callable[[Verdict], None] | None = None,
    ) -> None:
        self._kept = kept
        self._become = become
        self._read = read
        self._reactor = reactor
        self._kernel = kernel
        self._argv = tuple(argv)
        self._cwd = cwd
        self._listeners = listeners
        self._say = say
        self._environ = dict(environ)

    def obstacle(self) -> str:
        """Why no new image can be started; empty where nothing is in its way.

        A user that was dropped to may have no access to the interpreter.  Under an emperor that is fine: the
        instance ends, and is started again.
        """
        if self._become is not None or EMPEROR_FD in self._environ or os.access(sys.executable, os.X_OK):
            return ""
        return f"uid {self._kernel.getuid()} can not execute {sys.executable}, only a restart can"

    def check(self, verdict: Verdict, pushed: bytes | None = None) -> None:
        """Read the configuration in a helper process and tell *verdict* whether it can be used.

        :param pushed: the text that the emperor sent, where that is the configuration.

        Where the helper itself can not run, as in a jail without an interpreter, the answer is yes: the new
        image will judge for itself.
        """
        obstacle = self.obstacle()
        if obstacle:
            verdict(False, [obstacle])
            return
        if self._read is not None:
            self._read(verdict)
            return
        found: Deferred[tuple[bytes, bytes, int]] = maybeDeferred(
            self._run_helper, ("-m", "uwsgid", "check", *self._argv), pushed
        )

        def judge(result: tuple[bytes, bytes, int]) -> None:
            out, err, code = result
            lines = (out + err).decode("utf-8", "replace").splitlines()
            verdict(code != _UNUSABLE, lines)

        found.addCallbacks(judge, lambda failure: verdict(True, []))

    def _run_helper(self, words: Sequence[str], pushed: bytes | None) -> Deferred[tuple[bytes, bytes, int]]:
        """Run this program, with *pushed* where an instance finds what its emperor sends."""
        if pushed is None:
            read: Deferred[tuple[bytes, bytes, int]] = getProcessOutputAndValue(
                sys.executable, words, env=self._environ, path=self._cwd, reactor=self._reactor
            )
            return read
        helper = _Helper()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            ours.sendall(pack_config(pushed))
            self._reactor.spawnProcess(
                helper,
                sys.executable,
                (sys.executable, *words),
                {**self._environ, EMPEROR_FD_CONFIG: "0"},
                self._cwd,
                childFDs={0: theirs.fileno(), 1: "r", 2: "r"},
            )
        return helper.done

    def execute(self, before: Callable[[], None]) -> None:
        """Become the new image.

        It returns where the process goes on without an exec, and raises `OSError` where the kernel refuses
        one.

        :param before: the last thing to do here.
        """
        self._say("binary reloading uWSGI...")
        self._say(f"chdir() to {self._cwd}")
        self._kernel.chdir(self._cwd)
        for line in prepare_reload(self._kernel, self._listeners, self._environ):
            self._say(line)
        if self._kept is not None:
            self._kept.leave_behind(self._environ)
        emperor.keep_from_commands(self._environ, False)
        if self._become is not None:
            before()
            hold()
            self._become(self._argv, self._environ)
            return
        self._say(f"running {sys.executable}")
        before()
        hold()
        try:
            self._kernel.execve(sys.executable, (sys.executable, "-m", "uwsgid", *self._argv), self._environ)
        finally:
            release()
