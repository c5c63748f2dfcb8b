"""What a command line asks for: to serve, or to be told something.

Nothing is started here.  `decide` reads the configuration and returns either a `Site`, which the door serves,
or an `Answer` to print.
"""

from __future__ import annotations

import mmap
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from uwsgid._version import __version__
from uwsgid.alarms import AlarmOptions, plugin_list
from uwsgid.config.checking import check
from uwsgid.config.directive import Directive
from uwsgid.config.facts import Facts
from uwsgid.config.index import index
from uwsgid.config.reading import Reading, read
from uwsgid.config.reference import Questions, dump_options, get_option, help_text, show_config
from uwsgid.config.settings import Settings, judge_reading
from uwsgid.door import catalog
from uwsgid.door.hooklist import hook_list
from uwsgid.door.options import OneShot
from uwsgid.errors import ConfigError, ConfigProblems, UwsgidError
from uwsgid.host import Kernel, become_now, emperor, signal_pidfile
from uwsgid.host.privileges import resolve_group, resolve_user
from uwsgid.interfaces import IKernel
from uwsgid.logs.outlet_options import LogOutlets, engine_list
from uwsgid.stats.client import read_all
from uwsgid.supervise.exits import Exit
from uwsgid.wire.vassal import EMPEROR_FD, MAX_CONFIG

#: Set in the environment of a process image that replaced an earlier one.
RELOADS: Final = "UWSGI_RELOADS"

#: Set in the environment of a process image that runs a ``fallback-config``.
IN_FALLBACK: Final = "UWSGID_IN_FALLBACK"

#: Set in the environment of a process image that replaced another one: the program that the user started.
STARTED_AS: Final = "UWSGID_STARTED_AS"

_SIZE: Final = 4  #: bytes that tell the length of a shared text


def started_as(environ: Mapping[str, str]) -> str:
    """The program that the user started, though this process image may have been started by another one."""
    program = environ.get(STARTED_AS) or sys.argv[0]
    return f"{sys.executable} -m uwsgid" if program.endswith("/uwsgid/__main__.py") else program


@dataclass(frozen=True, slots=True)
class Answer:
    """Something to print instead of serving.

    :ivar is_error: it goes to standard error.
    :ivar fallback: the configuration to go on with, after that; empty for none.
    """

    text: str
    exit_code: int = 0
    is_error: bool = False
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """An instance to be served.

    :ivar argv: the command line without the program, for a reload.
    :ivar environ: the environment as it was before the configuration changed it, for a reload.
    :ivar is_reload: this process image replaced an earlier one.
    :ivar fallback: the configuration to go on with where this one does not start; empty for none.
    :ivar from_emperor: as in `Facts`.
    """

    settings: Settings
    reading: Reading
    argv: tuple[str, ...]
    is_reload: bool
    fallback: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    from_emperor: FromEmperor | None = None


class FromEmperor:
    """The text behind ``emperor://``: received once for an instance, and remembered.

    All processes of the instance see the same one, so that a child of the seed can read what came later.

    :param environ: tells where it comes.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._shared: mmap.mmap | None = None

    def __call__(self, name: str) -> str:
        """:raises OSError: there is no emperor that sends one, or it does not."""
        if self._shared is None:
            self.take(emperor.configuration(self._environ).encode("utf-8", "surrogateescape"))
        assert self._shared is not None
        self._shared.seek(0)
        size = int.from_bytes(self._shared.read(_SIZE), sys.byteorder)
        return self._shared.read(size).decode("utf-8", "surrogateescape")

    def take(self, text: bytes) -> None:
        """Have *text* as the configuration from now on, in all processes."""
        if self._shared is None:
            self._shared = mmap.mmap(-1, _SIZE + MAX_CONFIG)
        self._shared.seek(0)
        self._shared.write(len(text).to_bytes(_SIZE, sys.byteorder) + text)


def decide(argv: Sequence[str], environ: Mapping[str, str], kernel: IKernel | None = None) -> Site | Answer:
    """Read the configuration that *argv* and *environ* name, and see what is wanted.

    :param kernel: changes our user for ``immediate-uid`` and signals; the real one where not given.
    :raises KernelError: where that is refused.
    """
    catalog.load()
    names = index()
    words = list(argv)
    question = words.pop(0) if words[:1] in (["check"], ["hooks"]) else ""
    environ = dict(environ)
    is_reload = RELOADS in environ
    from_emperor = FromEmperor(environ)
    facts = Facts.of_this_process(resolve=socket.gethostbyname, from_emperor=from_emperor)
    kernel = kernel or Kernel()
    act = None if question else _Immediately(kernel)
    reading = read(words, environ, facts=facts, options=names, is_reload=is_reload, act=act)
    reading = _load_plugins(reading)
    names = index()  # with what the plugins declare
    if question == "hooks" and (listed := hook_list(reading, names, kernel.geteuid())) is not None:
        return Answer(listed)
    if question:
        found = check(reading, names)
        return Answer(str(found), found.exit_code)
    if reading.exit_code is not None:
        return Answer("\n".join(reading.notices), reading.exit_code)
    if _asked(reading, "help", "usage"):
        return Answer(help_text(names, width=shutil.get_terminal_size().columns))
    if _asked(reading, "version"):
        return Answer(__version__)
    if _asked(reading, "dump-options"):
        return Answer(dump_options(names))
    fallback = "" if IN_FALLBACK in environ else reading.fallback or ""
    judged = judge_reading(reading, names)
    if judged.settings is None:
        problems = "\n".join(judged.problems)
        if reading.fetch_failed and EMPEROR_FD in environ:
            return Answer(problems, Exit.EXILE, True)
        return Answer(problems, Exit.ERROR, True, fallback)
    answer = _one_shot(judged.settings, kernel)
    return answer or Site(judged.settings, reading, tuple(words), is_reload, fallback, environ, from_emperor)


def read_again(site: Site, cwd: str) -> Settings:
    """The configuration of a running instance as it is in its files now.

    :param cwd: where the instance was started.
    :raises ConfigError: it can not be used.
    """
    here = os.getcwd()
    try:
        os.chdir(cwd)
        facts = Facts.of_this_process(resolve=socket.gethostbyname, from_emperor=site.from_emperor)
        reading = read(site.argv, site.environ, facts=facts, options=index(), is_reload=site.is_reload)
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from None
    finally:
        os.chdir(here)
    judged = judge_reading(reading, index())
    if judged.settings is None:
        raise ConfigProblems(judged.problems)
    return judged.settings


def _load_plugins(reading: Reading) -> Reading:
    """Import the plugins that are named, and note those that nobody provides."""
    problems, warnings = list(reading.problems), list(reading.warnings)
    for directive in reading.directives:
        needed = directive.name in ("need-plugin", "need-plugins")
        if needed or directive.name in ("plugin", "plugins"):
            for name in filter(None, map(str.strip, (directive.value or "").split(","))):
                try:
                    catalog.load_plugin(name)
                except ConfigError as error:
                    (problems if needed else warnings).append(f"{directive.origin}: {error}")
    return replace(reading, problems=tuple(problems), warnings=tuple(warnings))


class _Immediately:
    """Carries out ``immediate-uid`` and ``immediate-gid`` as soon as they are read."""

    def __init__(self, kernel: IKernel) -> None:
        self._kernel = kernel

    def __call__(self, directive: Directive) -> None:
        """:raises ConfigError: for a name that does not exist."""
        name, text = directive.name, directive.value or ""
        if name == "immediate-uid" and resolve_user(self._kernel, text) == self._kernel.getuid():
            return  # as after a reload
        if name == "immediate-gid" and resolve_group(self._kernel, text) == self._kernel.getgid():
            return
        if name in ("immediate-uid", "immediate-gid"):
            become_now(self._kernel, name, text)


def _asked(reading: Reading, *names: str) -> bool:
    return any(reading.first(name) is not None for name in names)


def _one_shot(settings: Settings, kernel: IKernel) -> Answer | None:
    """The answer to an option that does something else than serving."""
    questions, commands = settings[Questions], settings[OneShot]
    if settings[LogOutlets].listing:
        return Answer(engine_list())
    if settings[AlarmOptions].listing:
        return Answer(plugin_list())
    if questions.get:
        found = [get_option(settings.directives, name) for name in questions.get]
        return Answer("\n".join(text for text in found if text is not None))
    if commands.connect_and_read:
        try:
            return Answer(read_all(commands.connect_and_read))
        except OSError as error:
            return Answer(f"{commands.connect_and_read}: {error.strerror or error}", 1, True)
    for path, number in (
        (commands.stop, signal.SIGINT),
        (commands.reload, signal.SIGHUP),
        *((path, signal.SIGTSTP) for path in commands.pause),
    ):
        if path:
            try:
                signal_pidfile(kernel, path, number)
            except UwsgidError as error:
                return Answer(str(error), Exit.ERROR, True)
            return Answer("")
    return None


def configuration(site: Site) -> str | None:
    """The configuration as ``show-config`` wants it, or None where nobody asked."""
    return show_config(site.settings.directives) if site.settings[Questions].show_config else None
