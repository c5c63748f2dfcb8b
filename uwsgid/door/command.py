"""What a command line asks for: to serve, or to be told something.

Nothing is started here.  `decide` reads the configuration and returns either a `Site`, which the door serves,
or an `Answer` to print.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uwsgid._version import __version__
from uwsgid.config.checking import check
from uwsgid.config.facts import Facts
from uwsgid.config.index import index
from uwsgid.config.reading import Reading, read
from uwsgid.config.reference import Questions, dump_options, get_option, help_text, show_config
from uwsgid.config.settings import Settings, judge_reading
from uwsgid.door import catalog
from uwsgid.door.options import Instance, OneShot
from uwsgid.errors import ConfigError
from uwsgid.stats.client import read_all

#: Set in the environment of a process image that replaced an earlier one.
RELOADS = "UWSGI_RELOADS"


@dataclass(frozen=True, slots=True)
class Answer:
    """Something to print instead of serving.

    :ivar is_error: it goes to standard error.
    """

    text: str
    exit_code: int = 0
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """An instance to be served.

    :ivar argv: the command line without the program, for a reload.
    :ivar is_reload: this process image replaced an earlier one.
    """

    settings: Settings
    reading: Reading
    argv: tuple[str, ...]
    is_reload: bool


def decide(argv: Sequence[str], environ: Mapping[str, str]) -> Site | Answer:
    """Read the configuration that *argv* and *environ* name, and see what is wanted."""
    catalog.load()
    names = index()
    words = list(argv)
    checking = words[:1] == ["check"]
    if checking:
        words.pop(0)
    is_reload = RELOADS in environ
    reading = read(words, environ, facts=Facts.of_this_process(), options=names, is_reload=is_reload)
    if checking:
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
    judged = judge_reading(reading, names)
    if judged.settings is None:
        problems = "\n".join(judged.problems)
        return Answer(problems, 26 if reading.fetch_failed and "UWSGI_EMPEROR_FD" in environ else 1, True)
    settings = judged.settings
    answer = _one_shot(settings)
    if answer is not None:
        return answer
    try:
        for plugin in (*settings[Instance].plugins, *settings[Instance].need_plugins):
            catalog.load_plugin(plugin)
    except ConfigError as error:
        if plugin in settings[Instance].need_plugins:
            return Answer(str(error), 1, True)
    return Site(settings, reading, tuple(words), is_reload)


def _asked(reading: Reading, *names: str) -> bool:
    return any(reading.first(name) is not None for name in names)


def _one_shot(settings: Settings) -> Answer | None:
    """The answer to an option that does something else than serving."""
    questions, commands = settings[Questions], settings[OneShot]
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
            return _signal_by_pidfile(path, number)
    return None


def _signal_by_pidfile(path: str, number: signal.Signals) -> Answer:
    """Send *number* to the process whose pid *path* holds.

    uWSGI takes a file without a number for pid 0, which is its own process group (core/utils.c); here it is
    refused.
    """
    try:
        with open(path) as file:
            text = file.read(64).strip()
    except OSError as error:
        return Answer(f"{path}: {error.strerror}", 1, True)
    if not text.isdecimal() or int(text) < 1:
        return Answer(f"error: invalid pidfile {path}: expected a process id, got {text!r}", 1, True)
    try:
        os.kill(int(text), number)
    except OSError as error:
        return Answer(f"{path}: kill({text}): {error.strerror}", 1, True)
    return Answer("")


def configuration(site: Site) -> str | None:
    """The configuration as ``show-config`` wants it, or None where nobody asked."""
    return show_config(site.settings.directives) if site.settings[Questions].show_config else None
