"""Actions that call a function: of Python, or of C.

``package.module:function`` and ``package.module.function`` name one of Python, a name without a dot one of
the C library or of any library in this process, as in uWSGI.  It is looked up when it is called.  A function
of Python that raises has failed, whatever becomes of its result.
"""

from __future__ import annotations

import importlib
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, ClassVar, Final, Self

from uwsgid.families import hook_actions
from uwsgid.hooks.arguments import fixed, path_and_text, whole
from uwsgid.hooks.scene import Deed, Failed, Scene
from uwsgid.host.calls import attempt
from uwsgid.host.symbols import find_symbol, handle_signal

_INT: Final = (-(2**31), 2**31 - 1)


def find(name: str) -> Callable[..., Any]:
    """The function called *name*.

    :raises Failed: ``unable to call function "prepare"``, with the reason.
    """
    module, separator, function = name.rpartition(":" if ":" in name else ".")
    if not separator:
        found = find_symbol(name)
        if found is None:
            raise _unable(name, "this process has no C function of that name")
        return found
    try:
        made: Any = importlib.import_module(module)
    except Exception as error:
        raise _unable(name, _described(error)) from error
    for part in function.split("."):
        made = getattr(made, part, None)
    if not callable(made):
        raise _unable(name, f"there is no such function in {module}")
    return made  # type: ignore[no-any-return]


def call(scene: Scene, name: str, *arguments: str | int) -> Any:
    """Call the function *name*, and return what it does.

    :raises Failed: there is none, or it raised; then its traceback is in the log.
    """
    function = find(name)
    try:
        return function(*arguments)
    except Exception as error:
        for line in traceback.format_exception(error):
            for text in line.rstrip().splitlines():
                scene.say(text)
        said = f"failed: {_described(error)}"
        raise Failed(f'function "{name}" {said}', f"the function {said}") from error


def _unable(name: str, reason: str) -> Failed:
    return Failed(f'unable to call function "{name}": {reason}', "unable to call the function")


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _look_at(name: str, returned: Any) -> None:
    """What a function returned is a failure unless it is 0, as a program's code.  None counts as 0."""
    if returned is None or returned == 0:
        return
    said = (
        f"returned {int(returned)}" if isinstance(returned, int) else f"returned {returned!r}, not a number"
    )
    raise Failed(f'function "{name}" {said}', f"the function {said}")


@dataclass(frozen=True, slots=True)
class _Call(Deed):
    """The base of calls with one argument or none."""

    symbol: str
    argument: str | int | None
    name: ClassVar[str]
    of_number: ClassVar[bool] = False
    counts: ClassVar[bool] = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """A name, and what the function gets."""
        form = f"<function> {'[number]' if cls.of_number else '[text]'}"
        symbol, rest = path_and_text(text, cls.name, form, text_needed=False)
        if not rest:
            return cls(symbol, None)
        return cls(symbol, whole(rest, "a whole number", *_INT) if cls.of_number else rest)

    def act(self, scene: Scene) -> None:
        """Call it."""
        arguments = () if self.argument is None else (self.argument,)
        returned = call(scene, self.symbol, *arguments)
        if self.counts:
            _look_at(self.symbol, returned)


@hook_actions.member("call")
@dataclass(frozen=True, slots=True)
class Call(_Call):
    """``call:<function> [text]`` calls a function; what it returns does not matter."""

    name: ClassVar[str] = "call"


@hook_actions.member("callret")
@dataclass(frozen=True, slots=True)
class CallAndLook(_Call):
    """``callret:<function> [text]`` calls a function; another result than 0 or None is a failure."""

    name: ClassVar[str] = "callret"
    counts: ClassVar[bool] = True


@hook_actions.member("callint")
@dataclass(frozen=True, slots=True)
class CallWithNumber(_Call):
    """``callint:<function> [number]`` calls a function with a number."""

    name: ClassVar[str] = "callint"
    of_number: ClassVar[bool] = True


@hook_actions.member("callintret")
@dataclass(frozen=True, slots=True)
class CallWithNumberAndLook(_Call):
    """``callintret:<function> [number]`` does both: the function gets a number, and its result counts."""

    name: ClassVar[str] = "callintret"
    of_number: ClassVar[bool] = True
    counts: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class CallOfPhase(Deed):
    """What the options ``call-…`` do: a function, without arguments or with facts of a vassal.

    :ivar facts: those that it gets, names of fields of `VassalFacts`.
    """

    symbol: str
    facts: tuple[str, ...] = ()

    def act(self, scene: Scene) -> None:
        """Call it."""
        call(scene, self.symbol, *(getattr(scene.vassal, fact) for fact in self.facts))


@hook_actions.member("unix_signal")
@dataclass(frozen=True, slots=True)
class UnixSignal(Deed):
    """``unix_signal:<number> <function>`` has a function handle a signal; it gets the number."""

    number: int
    symbol: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A number and a name."""
        number, symbol = fixed(text, 2, "unix_signal", "<signum> <function>")
        return cls(whole(number, "the number of a signal", 1, signal.NSIG - 1), symbol)

    def act(self, scene: Scene) -> None:
        """Install it in this process."""
        if ":" in self.symbol or "." in self.symbol:
            function = find(self.symbol)

            def handle(number: int, frame: FrameType | None) -> None:
                function(number)

            attempt("signal()", self.number, lambda: signal.signal(self.number, handle))
        elif not attempt("signal()", self.number, lambda: handle_signal(self.number, self.symbol)):
            raise _unable(self.symbol, "this process has no C function of that name")
