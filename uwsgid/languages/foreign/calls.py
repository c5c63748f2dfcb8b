"""The functions that applications of other languages may call: those of the ``uwsgi`` module of Python.

A call arrives as texts; what a function takes as a number becomes one, and what it returns becomes bytes, a
list of them, a number or nothing.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import UwsgidError
from uwsgid.families import api_functions
from uwsgid.languages.foreign.frames import counted, read_counted
from uwsgid.languages.python.api_missing import missing_functions
from uwsgid.languages.python.context import here

if TYPE_CHECKING:
    from uwsgid.request.serving import Serving

NOTHING: Final = 0
BYTES: Final = 1
LIST: Final = 2
ERROR: Final = 3
NUMBER: Final = 4

#: Functions that mean the process or the descriptors of the caller, which is not the one that would do it.
_ELSEWHERE: Final = frozenset(
    {"add_var", "close", "connect", "connection_fd", "is_connected", "recv", "send", "sendfile",
     "setprocname", "workers"}
)  # fmt: skip
_VERSION: Final = "1.9.16"


class Calls:
    """Answers calls.

    :ivar serving: in a worker, what it serves with.
    """

    def __init__(self) -> None:
        self.serving: Serving | None = None
        self._locked: dict[int, set[int]] = {}

    def facts(self) -> list[tuple[str, str]]:
        """What an interpreter is told once, so that it need not ask."""
        settings = here.settings
        return [
            ("version", _VERSION),
            ("masterpid", str(here.household.master_pid if here.household is not None else 0)),
            ("cores", str(self.serving.cores if self.serving is not None else 1)),
            *(("opt", f"{name}\0{value}") for name, value in _options(settings)),
        ]

    def answer(self, payload: bytes) -> bytes:
        """The payload of ``a`` for that of ``u``; it raises nothing."""
        try:
            name, *arguments = read_counted(payload)
            result = self._call(name.decode("latin-1"), arguments)
        except UwsgidError as error:
            return _error(str(error))
        except Exception as error:
            return _error(f"{type(error).__name__}: {error}")
        return _packed(result)

    def forget(self, core: int) -> None:
        """The interpreter of *core* is gone: give back what it had locked."""
        for number in self._locked.pop(core, set()):
            try:
                api_functions["unlock"](number)
            except Exception:
                continue

    def _call(self, name: str, arguments: list[bytes]) -> Any:
        if name not in api_functions or name in _ELSEWHERE:
            missing = missing_functions().get(name)
            if missing is not None and name not in _ELSEWHERE:
                missing()
            raise UwsgidError(f"there is no function {name} here")
        function = api_functions[name]
        result = function(*_converted(function, arguments))
        if name in ("lock", "unlock"):
            number = int(arguments[0]) if arguments else 0
            held = self._locked.setdefault(here.core, set())
            (held.add if name == "lock" else held.discard)(number)
        return result


def _options(settings: Any) -> list[tuple[str, str]]:
    if settings is None:
        return []
    found: list[tuple[str, str]] = []
    for name, value in settings.opt().items():
        for one in value if isinstance(value, list) else [value]:
            found.append((name, "1" if one is True else one.decode("utf-8", "replace")))
    return found


def _converted(function: Any, arguments: list[bytes]) -> list[Any]:
    """*arguments* as *function* wants them, by its annotations."""
    wanted = [str(parameter.annotation) for parameter in inspect.signature(function).parameters.values()]
    return [
        int(argument) if index < len(wanted) and wanted[index].startswith("int") else argument
        for index, argument in enumerate(arguments)
    ]


def _packed(result: Any) -> bytes:
    if result is None:
        return bytes((NOTHING,))
    if isinstance(result, (bool, int)):
        return bytes((NUMBER,)) + str(int(result)).encode()
    if isinstance(result, (bytes, str)):
        return bytes((BYTES,)) + _as_bytes(result)
    if isinstance(result, (tuple, list)):
        return bytes((LIST,)) + counted([_as_bytes(item) for item in result])
    return _error(f"a {type(result).__name__} can not be said in another language")


def _as_bytes(item: Any) -> bytes:
    if isinstance(item, bytes):
        return item
    return str(item).encode("utf-8", "surrogateescape")


def _error(text: str) -> bytes:
    return bytes((ERROR,)) + text.encode("utf-8", "replace")
