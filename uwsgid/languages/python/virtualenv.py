"""Puts the environment of the application in front of the one that uwsgid was started in.

uWSGI embeds an interpreter and tells it where its home is.  uwsgid *is* a program of some environment, so it
moves instead: `enter` takes the packages of uwsgid's own environment off ``sys.path`` and out of
``sys.modules``, then opens the application's.  Modules that were taken out stay alive for those who use
them already; the application imports its own versions.  The package ``uwsgid`` itself can always be found.

The interpreter stays the one that runs, so an environment has to be made for the same version of Python.
"""

from __future__ import annotations

import glob
import importlib
import os
import site
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

from uwsgid.config.kinds import Flag, Text, Texts
from uwsgid.config.section import Section, flag, option, section
from uwsgid.errors import AppError

Say = Callable[[str], None]

#: The name and the folder of uwsgid's own package.
_HOUSE: Final = __name__.partition(".")[0]
_HOUSE_PARENT: Final = str(Path(__file__).resolve().parents[3])
_VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"

#: Modules of uwsgid's environment that were taken out of sys.modules.  Nobody reads it: it keeps them alive.
_hidden: Final[list[ModuleType]] = []


@section("Python")
class PythonHome(Section):
    """Where applications find their packages."""

    home: Text = option(
        "home",
        "virtualenv",
        "venv",
        "pyhome",
        "H",
        default="",
        help="the virtual environment of the application",
        note="it has to be made for the version of Python that uwsgid runs",
    )
    paths: Texts = option(
        "pythonpath",
        "python-path",
        "pp",
        default=(),
        help="put this directory, or each that matches, in front of sys.path",
    )
    program: Text = option(
        "py-programname", "py-program-name", default="", help="the program name that Python code sees"
    )
    executable: Text = option(
        "py-executable", "py-sys-executable", default="", help="what sys.executable says"
    )
    no_site: Flag = flag(
        "no-site", default=False, help="do not run the .pth files of the application's environment"
    )


def enter(chosen: PythonHome, say: Say) -> None:
    """Make the environment that *chosen* asks for the one that applications import from.

    :raises AppError: when its home is no directory, or was made for another version of Python; uWSGI 2.0
        exits with 1 then, 1.9.16 crashes.
    """
    if chosen.home:
        _enter_home(chosen, say)
    for name in (chosen.program, chosen.executable):
        if name:
            sys.executable = name
    follow_variable(os.environ.get("PYTHONPATH", ""))
    put_in_front(chosen.paths, say)


def follow_variable(text: str) -> None:
    """Put the folders that PYTHONPATH names in front of ``sys.path``, those that are there already left out.

    The configuration may have set it (``env = PYTHONPATH=/srv``) long after this Python started; in uWSGI
    it is set before (core/uwsgi.c, uwsgi_opt_add_env).

    :param text: its value; folders with colons between them.
    """
    folders = [os.path.abspath(folder) for folder in text.split(os.pathsep) if folder]
    sys.path[:0] = [folder for folder in dict.fromkeys(folders) if folder not in sys.path]


def put_in_front(paths: Iterable[str], say: Say) -> None:
    """The current directory, and in front of it whatever matches *paths*, the last one first.

    A pattern that matches nothing is taken for a name, since uWSGI calls glob() with GLOB_NOCHECK.
    """
    sys.path.insert(0, ".")
    for pattern in paths:
        for path in sorted(glob.glob(pattern)) or [pattern]:
            sys.path.insert(0, path)
            say(f"added {path} to pythonpath.")


def _enter_home(chosen: PythonHome, say: Say) -> None:
    home = Path(chosen.home)
    if not home.is_dir():
        raise AppError(f"Python Home is not a directory: {chosen.home}")
    config = read_pyvenv(home)
    version = version_of(home, config)
    if version is not None and version != _VERSION:
        raise AppError(
            f"Python Home was made for Python {version}, but uwsgid runs Python {_VERSION}: {chosen.home}; "
            f"make the environment anew with Python {_VERSION}, or install uwsgid for Python {version}"
        )
    if config:
        say(f"PEP 405 virtualenv detected: {chosen.home}")
    say(f"Set PythonHome to {chosen.home}")
    os.environ["VIRTUAL_ENV"] = chosen.home
    if not home.samefile(sys.prefix):
        hide_own_modules(own_folders())
        folders = package_folders(home)
        if config.get("include-system-site-packages", "").lower() == "true" and "home" in config:
            folders += package_folders(Path(config["home"]).parent)
        for folder in folders:
            if chosen.no_site:
                sys.path.append(folder)
            else:
                site.addsitedir(folder)
        sys.prefix = sys.exec_prefix = str(home.absolute())
        site.PREFIXES[:] = [sys.prefix]
    python = home / "bin" / "python"
    if python.exists():
        sys.executable = str(python.absolute())


def read_pyvenv(home: Path) -> dict[str, str]:
    """The ``pyvenv.cfg`` of an environment, keys in lower case; empty where there is none (PEP 405)."""
    try:
        text = (home / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def version_of(home: Path, config: dict[str, str]) -> str | None:
    """``"3.11"``: the version that an environment was made for; None where nothing tells.

    The folders of its packages come first, because they are what counts.
    """
    found = sorted(path.name.removeprefix("python") for path in home.glob("lib/python[0-9].*"))
    if found:
        return _VERSION if _VERSION in found else found[-1]
    written = config.get("version") or config.get("version_info")  # of venv, of virtualenv
    return ".".join(written.split(".")[:2]) if written else None


def package_folders(home: Path) -> list[str]:
    """Where the packages of an environment, or of an installation, lie: those folders that exist."""
    candidates = (
        home / "lib" / f"python{_VERSION}" / "site-packages",
        home / "lib64" / f"python{_VERSION}" / "site-packages",
        home / "local" / "lib" / f"python{_VERSION}" / "dist-packages",  # of Debian, as the next one
        home / "lib" / "python3" / "dist-packages",
    )
    found: list[Path] = []
    for folder in candidates:
        if folder.is_dir() and not any(folder.samefile(other) for other in found):
            found.append(folder)
    return [str(folder.absolute()) for folder in found]


def own_folders() -> list[str]:
    """Where the packages of uwsgid's own environment lie."""
    folders = [*site.getsitepackages(), *package_folders(Path(sys.prefix))]
    if user := site.getusersitepackages():
        folders.append(user)
    return list(dict.fromkeys(os.path.realpath(folder) for folder in folders))


def hide_own_modules(folders: Sequence[str]) -> list[str]:
    """Take the packages in *folders* off ``sys.path`` and out of ``sys.modules``, except uwsgid; their names.

    What uwsgid needs of them has to be imported by now.  A path that only leads to uwsgid itself (of a
    development install) goes as well, since its neighbours are nobody's business.
    """
    _keep_the_house_open()
    prefixes = tuple(folder + os.sep for folder in folders)
    names = [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] != _HOUSE and _lies_in(module, prefixes)
    ]
    _hidden.extend(sys.modules.pop(name) for name in names)
    gone = {*folders, _HOUSE_PARENT}
    sys.path[:] = [path for path in sys.path if os.path.realpath(path) not in gone]
    importlib.invalidate_caches()
    return names


def _lies_in(module: ModuleType, prefixes: tuple[str, ...]) -> bool:
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return os.path.realpath(file).startswith(prefixes)
    try:  # a namespace package has folders only
        parts = list(getattr(module, "__path__", ()))
    except (TypeError, KeyError):  # of a parent that is gone already
        return True
    return any(os.path.realpath(part).startswith(prefixes) for part in parts)


class HouseFinder(MetaPathFinder):
    """Finds the package ``uwsgid`` where it lies, whatever ``sys.path`` says."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [_HOUSE_PARENT]) if fullname == _HOUSE else None


def _keep_the_house_open() -> None:
    if not any(isinstance(finder, HouseFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, HouseFinder())
