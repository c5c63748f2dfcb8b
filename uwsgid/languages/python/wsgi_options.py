"""How WSGI applications are called, and what becomes of their mistakes: options only."""

from __future__ import annotations

from typing import Annotated

from uwsgid.config.kinds import Flag, Kind, Texts
from uwsgid.config.section import Section, flag, option, section


def _behaviour(text: str) -> str:
    if text not in ("cheat", "holy"):
        raise ValueError
    return text


Behaviour = Annotated[str, Kind("environ behaviour", "cheat or holy", _behaviour)]


@section("Python")
class WsgiOptions(Section):
    """How WSGI applications are called, and what becomes of their mistakes."""

    env_behaviour: Behaviour = option(
        "wsgi-env-behaviour",
        "wsgi-env-behavior",
        default="holy",
        help="cheat or holy",
        note="every request has an environ of its own, whatever is chosen",
    )
    nodelay: Flag = flag(
        "start_response-nodelay", default=False, help="send the headers when start_response is called"
    )
    strict: Flag = flag(
        "wsgi-strict", default=False, help="refuse bytes or text where WSGI wants an iterable of bytes"
    )
    catch_exceptions: Flag = flag(
        "catch-exceptions",
        default=False,
        help="show the traceback of an exception in the answer; not for strangers' eyes",
    )
    reload_on_exception: Flag = flag(
        "reload-on-exception", default=False, help="replace the worker after any unhandled exception"
    )
    reload_on_type: Texts = option(
        "reload-on-exception-type",
        default=(),
        help="replace the worker after an unhandled exception of the class with this name",
    )
    reload_on_value: Texts = option(
        "reload-on-exception-value",
        default=(),
        help="replace the worker after an unhandled exception with this text",
    )
    reload_on_repr: Texts = option(
        "reload-on-exception-repr",
        default=(),
        help="replace the worker after an unhandled exception that reads 'class: text'",
    )

    def concerns(self, error: BaseException) -> bool:
        """Whether these options want the worker replaced after *error*."""
        if self.reload_on_exception:
            return True
        name, text = type(error).__name__, str(error)
        return (
            name in self.reload_on_type
            or text in self.reload_on_value
            or f"{name}: {text}" in self.reload_on_repr
        )
