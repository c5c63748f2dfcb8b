"""What the configuration says about applications in Python.

Options of mountpoints are in `uwsgid.request.mounts`, those of the environment of an application in
`uwsgid.languages.python.virtualenv`, those of the reloader in `uwsgid.languages.python.autoreload`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from uwsgid.config.kinds import Kind, Text, Texts
from uwsgid.config.section import Section, option, section

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


def _alias(text: str) -> tuple[str, str]:
    name, equals, real = text.partition("=")
    if not equals or not name or not real:
        raise ValueError(f"invalid pymodule-alias syntax: {text!r}; expected name=module or name=/file.py")
    return name, real


Aliases = Annotated[tuple[tuple[str, str], ...], Kind("module aliases", "name=module", _alias, many=True)]


@section("Python")
class PythonApps(Section):
    """Which applications are loaded, and what is imported beside them."""

    module: Text = option(
        "module",
        "wsgi",
        "w",
        default="",
        help="load a WSGI application from a module: module[:callable]",
    )
    file: Text = option("wsgi-file", "file", default="", help="load a WSGI application from a file")
    callable: Text = option(
        "callable",
        default="application",
        help="the name of the WSGI callable; with () at its end it is called and its result is used",
    )
    eval: Text = option("eval", default="", help="run this code and take the name application from it")
    test: Text = option("test", "J", default="", help="import a module, say if it has the callable, and exit")
    argv: Text = option("pyargv", default="", help="sys.argv[1:] of the application, split at blanks")
    aliases: Aliases = option(
        "pymodule-alias", default=(), help="let a name mean another module or a file: name=module"
    )
    post_aliases: Aliases = option(
        "post-pymodule-alias", default=(), help="as pymodule-alias, after the applications were loaded"
    )
    imports: Texts = option(
        "import",
        "pyimport",
        "py-import",
        "python-import",
        default=(),
        help="import a module or a file in every worker",
    )
    shared_imports: Texts = option(
        "shared-import",
        "shared-pyimport",
        "shared-py-import",
        "shared-python-import",
        default=(),
        help="import a module or a file in every process that runs Python code",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        if not self.callable.removesuffix("()").strip():
            yield settings.problem(type(self), "callable", "expected the name of a callable")
