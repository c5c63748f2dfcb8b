"""What a hook does: it runs a command by the shell and waits for it.

A command of uWSGI that is killed by a signal counts as one that went well (core/utils.c,
uwsgi_run_command_and_wait looks at the exit code only); here it failed, with 128 and the number of the
signal, as shells say it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.kinds import Kind
from uwsgid.errors import ConfigError
from uwsgid.interfaces import IKernel

SHELL: Final = "/bin/sh"

Say = Callable[[str], None]
Meanwhile = Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the configuration.

    :ivar option: the option that it stands for.
    :ivar origin: where it was written.
    """

    option: str
    text: str
    origin: Origin

    def __str__(self) -> str:
        return self.text


def _command(directive: Directive) -> Command:
    text = directive.value or ""
    if not text.strip():
        raise ValueError("expected a command, got none")
    return Command(directive.name, text, directive.origin)


COMMANDS: Final = Kind("list of commands", "a command", _command, many=True, reads_directive=True)
Commands = Annotated[tuple[Command, ...], COMMANDS]


def run_all(
    kernel: IKernel,
    shells: Sequence[str],
    commands: Sequence[Command],
    how: str,
    say: Say,
    meanwhile: Meanwhile = None,
) -> None:
    """Run *commands* one after the other; the first that fails ends it.

    :param shells: the option ``binsh``.
    :param how: what the log says behind each command: its phase, or who runs it.
    :param meanwhile: called again and again while a command runs.
    :raises ConfigError: with the place and the text of the command that failed.
    """
    for command in commands:
        problem = run_one(kernel, shells, command, how, say, meanwhile)
        if problem:
            raise ConfigError(f"{command.origin}: {command.option}: {problem}")


def run_one(
    kernel: IKernel,
    shells: Sequence[str],
    command: Command,
    how: str,
    say: Say,
    meanwhile: Meanwhile = None,
) -> str:
    """Run one command and wait; what is to be said of it where it failed, or an empty text.

    :param how: what the log says behind the command.
    """
    say(f'running "{command}" {how}')
    try:
        code = kernel.run_command(choose_shell(kernel, shells), command.text, meanwhile)
    except OSError as error:
        return f'command "{command}" can not be run: {error.strerror}'
    return f'command "{command}" exited with non-zero code: {code}' if code else ""


def choose_shell(kernel: IKernel, shells: Sequence[str]) -> str:
    """The first of *shells* that can be executed, else /bin/sh (core/utils.c, uwsgi_binsh)."""
    for shell in shells:
        try:
            facts = kernel.stat(shell)
        except OSError:
            continue
        if facts.is_regular and facts.mode & 0o111:
            return os.path.abspath(shell)
    return SHELL
