"""Which scripts are run for which paths, and how far they may go.

These are options only, for all the rest of CGI is imported where a configuration names a script.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from uwsgid.config.kinds import Count, Flag, Kind, Texts
from uwsgid.config.section import Section, flag, option, section

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


def _mount(text: str) -> tuple[str, str]:
    point, equals, path = text.partition("=")
    if not equals:
        point, path = "", text
    if not path:
        raise ValueError("no path of a directory or a script")
    return point, path


def _helper(text: str) -> tuple[str, str]:
    ending, equals, command = text.partition("=")
    if not equals or not command:
        raise ValueError("invalid CGI helper syntax, must be ext=command")
    if command.startswith("sym://"):
        raise ValueError("functions of C libraries can not be helpers; name a program")
    return ending, command


Mounts = Annotated[
    tuple[tuple[str, str], ...], Kind("CGI mount list", "path or mountpoint=path", _mount, many=True)
]
Helpers = Annotated[tuple[tuple[str, str], ...], Kind("CGI helper list", "ext=command", _helper, many=True)]


@section("CGI")
class CgiOptions(Section):
    """Runs a process for each request with modifier1 9."""

    mounts: Mounts = option(
        "cgi",
        default=(),
        help="answer by the scripts of this directory, or by this script: path or mountpoint=path",
        note="a mountpoint ends where a segment of the path does: /cgi-bin is not the start of /cgi-binary",
    )
    helpers: Helpers = option(
        "cgi-map-helper",
        "cgi-helper",
        default=(),
        help="run scripts with this ending by a program: ext=command",
        note="sym:// (a function of a C library) is refused",
    )
    from_docroot: Flag = flag(
        "cgi-from-docroot", default=False, help="look for scripts below the DOCUMENT_ROOT of the request"
    )
    buffer_size: Count = option(
        "cgi-buffer-size", default=65536, help="the most bytes of headers that a script may write"
    )
    timeout: Count = option(
        "cgi-timeout", default=60, help="end a script that neither reads nor writes for so many seconds"
    )
    index: Texts = option("cgi-index", default=(), help="the script that answers for its directory")
    allowed_ext: Texts = option(
        "cgi-allowed-ext", default=(), help="run scripts with this ending only; may be given many times"
    )
    unset: Texts = option("cgi-unset", default=(), help="do not tell scripts this variable")
    optimize: Flag = flag(
        "cgi-optimize",
        "cgi-optimized",
        default=False,
        help="look up the directories of cgi once, and follow links that lead out of them",
    )
    path_info: Flag = flag(
        "cgi-path-info", default=False, help="give scripts PATH_INFO as it came, with their own name in it"
    )
    safe: Texts = option(
        "cgi-safe", default=(), help="links may lead out of the directory of cgi into this one"
    )

    @property
    def is_asked_for(self) -> bool:
        """Whether there is anything that CGI can answer."""
        return bool(self.mounts or self.from_docroot)

    def check(self, settings: Settings) -> Iterable[str]:
        for name in self.unset:
            if not name or "=" in name:
                yield settings.problem(CgiOptions, "unset", f"expected the name of a variable, got {name!r}")
        for name in self.index:
            if not name or "/" in name or name in (".", ".."):
                yield settings.problem(CgiOptions, "index", f"expected the name of a file, got {name!r}")
