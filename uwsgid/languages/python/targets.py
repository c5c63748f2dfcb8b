"""From the words of a configuration to a module, and from the module to a callable.

A *target* is one way to name an application: a file, ``module:callable``, or a piece of code.  Each knows how
to get its module and what to call itself in messages.  Importing runs the application's own code, so that
anything may be raised; `uwsgid.languages.python.loading` catches it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, Protocol

from uwsgid.errors import AppError

#: The module that the code of ``eval`` runs in.
EVAL_MODULE: Final = "uwsgi_eval_config"
#: What a file is called as a module, before its path.
FILE_PREFIX: Final = "uwsgi_file_"
#: The endings by which a mount knows a file.
FILE_ENDINGS: Final = (".py", ".wsgi")
#: What people call their applications, and the functions that make them.
USUAL_NAMES: Final = ("app", "application", "wsgi_app", "wsgi", "handler")
USUAL_FACTORIES: Final = ("create_app", "make_app", "create_application", "make_application", "get_app")


class Target(Protocol):
    """One way to name an application.

    :ivar callable: the name to look for; with ``()`` at its end the result of the call is the application.
    """

    @property
    def callable(self) -> str: ...

    @property
    def where(self) -> str:
        """What messages call it: the file or the module."""
        ...

    @property
    def module_name(self) -> str:
        """Its key in ``sys.modules``."""
        ...

    def load(self) -> ModuleType:
        """Import it.

        :raises AppError: when there is no such file.
        :raises BaseException: whatever the code of the application raises.
        """
        ...


def pythonize(path: str) -> str:
    """The module name that uWSGI makes of a path: dots and slashes become ``_``, ``.py`` goes.

    >>> pythonize("/srv/shop.py")
    '_srv_shop'

    (plugins/python/pyutils.c, ``uwsgi_pythonize``)
    """
    return path.removesuffix(".py").replace(".", "_").replace("/", "_")


class _UncachedLoader(SourceFileLoader):
    """Compiles its file each time: ``app.wsgi`` would share the cache file of an ``app.py`` beside it."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def import_file(path: str, name: str) -> ModuleType:
    """Run the file at *path* as the module *name*, and leave it in ``sys.modules`` if that succeeds.

    :raises AppError: when the file can not be read, in uWSGI's words.
    :raises BaseException: whatever its code raises.
    """
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise AppError(f"failed to open python file {path}: {error.strerror}") from None
    spec = importlib.util.spec_from_file_location(name, path, loader=_UncachedLoader(name, path))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


@dataclass(frozen=True, slots=True)
class FileTarget:
    """``wsgi-file = shop.py``."""

    path: str
    callable: str = "application"

    @property
    def where(self) -> str:
        return self.path

    @property
    def module_name(self) -> str:
        return FILE_PREFIX + pythonize(self.path)

    def load(self) -> ModuleType:
        return import_file(self.path, self.module_name)


@dataclass(frozen=True, slots=True)
class ModuleTarget:
    """``module = shop.web:app``."""

    name: str
    callable: str = "application"

    @classmethod
    def parse(cls, text: str, callable: str) -> ModuleTarget:
        """*callable* is used where the text names none."""
        name, _, own = text.partition(":")
        return cls(name, own or callable)

    @property
    def where(self) -> str:
        return self.name

    @property
    def module_name(self) -> str:
        return self.name

    def load(self) -> ModuleType:
        return importlib.import_module(self.name)


@dataclass(frozen=True, slots=True)
class EvalTarget:
    """``eval = …``: the code is the configuration's own."""

    code: str
    callable: str = "application"

    @property
    def where(self) -> str:
        return EVAL_MODULE

    @property
    def module_name(self) -> str:
        return EVAL_MODULE

    def load(self) -> ModuleType:
        module = ModuleType(EVAL_MODULE)
        code = compile(self.code, f"<{EVAL_MODULE}>", "exec", dont_inherit=True)
        exec(code, module.__dict__)  # the configuration asks for exactly this
        sys.modules[EVAL_MODULE] = module
        return module


def mount_target(app: str, callable: str) -> Target:
    """The target of ``mount = /point=app``.

    ``file.py:callable`` is a file with its callable.  uWSGI takes that for a module, and fails
    (plugins/python/pyloader.c, ``uwsgi_mount_loader``).

    :raises AppError: when *app* is neither a file nor ``module:callable``.
    """
    if app.endswith(FILE_ENDINGS):
        return FileTarget(app, callable)
    path, colon, own = app.rpartition(":")
    if colon and (path.endswith(FILE_ENDINGS) or "/" in path):
        return FileTarget(path, own or callable)
    if colon:
        return ModuleTarget.parse(app, callable)
    raise AppError(f"can not mount {app}: expected a .py or .wsgi file, file.py:callable or module:callable")


def find_callable(module: ModuleType, name: str, where: str) -> Callable[..., Any]:
    """The attribute *name* of *module*, or what it returns where *name* ends in ``()``.

    There is no other name it falls back to.

    :raises AppError: when it is missing or can not be called, in uWSGI's words, with names that would do.
    :raises BaseException: whatever a call of it raises.
    """
    plain = name.removesuffix("()")
    try:
        found: Any = getattr(module, plain)
    except AttributeError:
        names = " or ".join(likely_names(module)) or "NAME"
        raise AppError(
            f'unable to find "{plain}" callable in file {where}; '
            f"the option callable names another: callable = {names}"
        ) from None
    if not callable(found):
        raise AppError(f'"{plain}" must be a callable object in file {where}')
    if plain == name:
        return found  # type: ignore[no-any-return]
    made: Any = found()
    if not callable(made):
        raise AppError(f'"{name}" must return a callable object in file {where}')
    return made  # type: ignore[no-any-return]


def likely_names(module: ModuleType) -> list[str]:
    """The names in *module* that may well be its application, as ``callable`` takes them, likeliest first.

    Nothing is called, and no attribute is asked for that the module's code could compute.
    """
    names = vars(module)
    usual = [name for name in USUAL_NAMES if callable(names.get(name))]
    factories = [f"{name}()" for name in USUAL_FACTORIES if callable(names.get(name))]
    others = [name for name, value in names.items() if name not in USUAL_NAMES and _is_like_an_app(value)]
    return usual + others + factories


def _is_like_an_app(value: object) -> bool:
    """A function with the parameters of an application, or an instance of a framework's class."""
    if isinstance(value, FunctionType):
        return value.__code__.co_varnames[:2] == ("environ", "start_response")
    return callable(value) and not isinstance(value, type) and hasattr(type(value), "wsgi_app")
