"""What is imported beside the applications: aliases, ``import`` and its kin, ``--test``, and ``sys.argv``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Final

from uwsgid.errors import AppError
from uwsgid.languages.python.loading import say_traceback
from uwsgid.languages.python.options import PythonApps
from uwsgid.languages.python.targets import ModuleTarget, find_callable, import_file, pythonize

Say = Callable[[str], None]

#: What ``sys.argv[0]`` is in an application, as in uWSGI.
PROGRAM: Final = "uwsgi"


def argv(text: str) -> list[str]:
    """``sys.argv`` for the value of ``pyargv``; there is no quoting (plugins/python/python_plugin.c)."""
    return [PROGRAM, *text.split()]


def is_file(name: str) -> bool:
    """Whether ``import = name`` means a file rather than a module."""
    return "/" in name or name.endswith(".py")


def import_one(name: str) -> ModuleType:
    """Import a module, or a file under the name that uWSGI makes of its path.

    :raises BaseException: whatever that raises.
    """
    return import_file(name, pythonize(name)) if is_file(name) else importlib.import_module(name)


def import_all(names: Iterable[str], say: Say) -> int:
    """Import all of *names*; how many failed.  A failure is a traceback in the log and nothing more."""
    failed = 0
    for name in names:
        try:
            import_one(name)
        except KeyboardInterrupt:
            raise
        except AppError as error:
            say(str(error))
            failed += 1
        except BaseException as error:
            say_traceback(error, say)
            failed += 1
    return failed


def map_aliases(aliases: Iterable[tuple[str, str]], say: Say) -> None:
    """Let each first name mean what the second one names: a module, or a file where it starts with a slash.

    :raises AppError: when one can not be imported, after its traceback; uWSGI exits with 1 then.
    """
    for name, real in aliases:
        try:
            module = import_file(real, name) if real.startswith("/") else importlib.import_module(real)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if not isinstance(error, AppError):
                say_traceback(error, say)
            raise AppError(f"pymodule-alias {name}={real}: unable to import {real}: {error}") from None
        sys.modules[name] = module
        say(f'mapped virtual pymodule "{name}" to real pymodule "{real}"')


def try_module(chosen: PythonApps, say: Say) -> int:
    """What ``--test`` is for: import the module, say whether the callable is there; the exit status.

    :param chosen: its field `PythonApps.test` is not empty.
    """
    target = ModuleTarget.parse(chosen.test, chosen.callable)
    try:
        find_callable(target.load(), target.callable, target.where)
    except AppError as error:
        say(str(error))
        return 1
    except Exception as error:
        say_traceback(error, say)
        say(f"unable to import {target.where}")
        return 1
    say(f'found "{target.callable.removesuffix("()")}" in {target.where}')
    return 0
