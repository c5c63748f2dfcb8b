"""Actions on this process and on the log, and commands of the shell.

A command of uWSGI that is killed by a signal counts as one that went well (core/utils.c,
uwsgi_run_command_and_wait looks at the exit code only); here it failed, with 128 and the number of the
signal, as shells say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from uwsgid.families import hook_actions
from uwsgid.hooks.arguments import only, path_and_text, syntax, whole
from uwsgid.hooks.scene import Deed, Doing, Failed, Scene
from uwsgid.host.calls import attempt


@hook_actions.member("exec")
@dataclass(frozen=True, slots=True)
class Exec:
    """``exec:<command>`` has the shell run a command and waits for it; a code other than 0 is a failure."""

    command: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Any text but an empty one."""
        if not text.strip():
            raise ValueError("expected a command, got none")
        return cls(text)

    def perform(self, scene: Scene) -> Doing:
        """Run it."""
        try:
            code = yield scene.shell(self.command)
        except OSError as error:
            raise Failed(
                f'command "{self.command}" can not be run: {error.strerror}',
                f"the command can not be run: {error.strerror}",
            ) from None
        if code:
            said = f"exited with non-zero code: {code}"
            raise Failed(f'command "{self.command}" {said}', f"the command {said}")


@hook_actions.member("safeexec")
@dataclass(frozen=True, slots=True)
class SafeExec:
    """``safeexec:<command>`` does the same; that the command fails is only logged."""

    command: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """As ``exec``."""
        return cls(Exec.parse(text).command)

    def perform(self, scene: Scene) -> Doing:
        """Run it."""
        try:
            yield from Exec(self.command).perform(scene)
        except Failed as failed:
            scene.say(failed.discreet if scene.private else failed.text)


@hook_actions.member("cd", "chdir")
@dataclass(frozen=True, slots=True)
class ChangeDirectory(Deed):
    """``cd:<directory>`` changes the working directory of this process, also called ``chdir``."""

    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path."""
        return cls(only(text, "cd", "<directory>"))

    def act(self, scene: Scene) -> None:
        """Go there."""
        attempt("chdir()", self.path, lambda: scene.kernel.chdir(self.path))


@hook_actions.member("exit")
@dataclass(frozen=True, slots=True)
class Exit(Deed):
    """``exit:[code]`` ends this process.

    uWSGI takes a code of one digit for 0 (core/hooks.c, uwsgi_hook_exit); here every digit counts.
    """

    code: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """A code, 0 where there is none."""
        return cls(whole(text, "an exit code", 0, 255) if text.strip() else 0)

    def act(self, scene: Scene) -> None:
        """Leave as ``sys.exit`` does; whoever runs the process knows how it ends."""
        raise SystemExit(self.code)


@hook_actions.member("print", "log")
@dataclass(frozen=True, slots=True)
class Print(Deed):
    """``print:<text>`` writes a line to the log, also called ``log``.

    In uWSGI the text is a format of printf; here it is a text.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Any text."""
        return cls(text)

    def act(self, scene: Scene) -> None:
        """Say it."""
        scene.say(self.text)


@hook_actions.member("alarm")
@dataclass(frozen=True, slots=True)
class Alarm(Deed):
    """``alarm:<alarm> <text>`` has the master raise an alarm.

    An alarm that nobody made, and a process without a master, are no failure, as in uWSGI; the log tells of
    them.
    """

    alarm: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A name, and everything behind the space that follows it."""
        return cls(*path_and_text(text, "alarm", "<alarm> <text>"))

    def act(self, scene: Scene) -> None:
        """Ask for it."""
        if scene.tell is None:
            which = "a private alarm" if scene.private else f"the alarm {self.alarm}"
            scene.say(f"{which} is not raised: this process has no master, or none yet")
        else:
            scene.tell(f"alarm {self.alarm} {self.text}")


@hook_actions.member("putenv")
@dataclass(frozen=True, slots=True)
class PutEnv(Deed):
    """``putenv:<NAME>=<value>`` sets a variable of the environment, for this process and those born of it."""

    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A name and a value; without an equals sign uWSGI would remove the variable."""
        name, equals, value = text.partition("=")
        if not name or not equals or "\0" in text:
            raise syntax("putenv", "<NAME>=<value>")
        return cls(name, value)

    def act(self, scene: Scene) -> None:
        """Set it."""
        scene.environ[self.name] = self.value


@hook_actions.member("hostname")
@dataclass(frozen=True, slots=True)
class HostName(Deed):
    """``hostname:<name>`` sets the name of the host, which is that of a ``uts`` namespace."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A name."""
        return cls(only(text, "hostname", "<name>"))

    def act(self, scene: Scene) -> None:
        """Set it.  uWSGI says nothing where that fails."""
        attempt("sethostname()", self.name, lambda: scene.kernel.sethostname(self.name))
