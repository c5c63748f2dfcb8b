"""The language Perl: what a configuration wants of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from uwsgid.errors import AppError
from uwsgid.families import languages
from uwsgid.languages.foreign.language import Foreign, Plan, Say
from uwsgid.languages.perl.options import PerlApps
from uwsgid.request.mount_options import Mounting
from uwsgid.request.options import Answers, Bodies
from uwsgid.supervise.memory import MemoryLimits
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

#: The modifier1 of PSGI.
MODIFIER1: Final = 5
INTERPRETER: Final = "perl"
SCRIPT: Final = str(Path(__file__).with_name("psgi.pl"))


@languages.member("perl")
class Perl(Foreign):
    """PSGI applications."""

    endings: ClassVar[tuple[str, ...]] = (".psgi", ".pl")

    def try_module(self, settings: Settings, say: Say) -> int | None:
        """Print the version, for ``perl-version``.

        :raises AppError: there is no Perl.
        """
        if not settings[PerlApps].version:
            return None
        import subprocess  # it is large, and no other process needs it

        try:
            return subprocess.run([INTERPRETER, "-e", r'print "Perl $^V\n"'], check=False).returncode
        except OSError as error:
            raise AppError(f"perl-version: {INTERPRETER} can not be run: {error.strerror}") from None

    def plan(self, settings: Settings) -> Plan | None:
        chosen = settings[PerlApps]
        targets = [("", chosen.psgi)] if chosen.psgi else []
        targets += [(point, app) for point, app in settings[Mounting].mounts if app.endswith(self.endings)]
        shells = chosen.shell_once or chosen.shell
        if not (targets or chosen.execute or chosen.execute_post_fork or shells):
            return None
        return Plan(
            language="Perl",
            word="PSGI app",
            tag="uwsgi-perl",
            modifier1=MODIFIER1,
            command=(INTERPRETER, SCRIPT),
            option="psgi" if targets else "plshell" if shells else "perl-exec",
            configuration=_configuration(settings),
            targets=targets,
            unable="--- unable to find perl application ---",
            replaced="*** psgix.harakiri.commit requested ***",
            watch=chosen.reload,
            unwatched=chosen.unwatched,
            shell=shells[-1] if shells else None,
            shell_once=bool(chosen.shell_once),
        )


def _configuration(settings: Settings) -> list[tuple[str, str]]:
    chosen, processes, limits = settings[PerlApps], settings[Processes], settings[MemoryLimits]
    told = [
        *(("local-lib", path) for path in chosen.local_lib),
        *(("argv", word) for word in chosen.arg or chosen.args.split()),
        *(("exec", path) for path in chosen.execute),
        *(("exec-post-fork", path) for path in chosen.execute_post_fork),
        *(("unwatched", name) for name in chosen.unwatched),
        ("buffered", str(settings[Bodies].post_buffering)),
        ("masterpid", str(os.getppid())),
        ("version", "1.9.16"),
    ]
    flags = {
        "no-plack": chosen.no_plack,
        "watch": bool(chosen.reload),
        "psgix-io": chosen.psgix_io,
        "shell": bool(chosen.shell or chosen.shell_once),
        "multiprocess": processes.processes != 1,
        "multithread": processes.threads > 1,
        "master": processes.master,
        "write-exception": not settings[Answers].disable_write_exception,
    }
    told += [(name, "1") for name, on in flags.items() if on]
    told += [
        (name, str(size))
        for name, size in (("evil-rss", limits.evil_rss), ("evil-vsz", limits.evil_as))
        if size
    ]
    return told
