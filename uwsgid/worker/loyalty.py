"""What a worker of a vassal tells its master, for the emperor: that it did well, and that it is awake."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from uwsgid.request.serving import Serving
from uwsgid.wire.control import AWAKE, BUSY


class FirstRequest:
    """Stands before what is done after each request, until there was one.

    :param tell: is called once, after the first request.
    """

    __slots__ = ("_rest", "_serving", "_tell")

    def __init__(self, serving: Serving, tell: Callable[[], None]) -> None:
        self._serving = serving
        self._rest = serving.after_request
        self._tell: Callable[[], None] | None = tell
        serving.after_request = self

    def __call__(self, core: int) -> None:
        if self._tell is not None:
            tell, self._tell = self._tell, None
            tell()
            if self._serving.after_request is self:  # `import uwsgi` may stand before us by now
                self._serving.after_request = self._rest
        if self._rest is not None:
            self._rest(core)


def answer_knock(current: Sequence[object]) -> str:
    """What to answer: that somebody here waits for work, or that all are busy.

    :param current: what each core works on.
    """
    return BUSY if all(request is not None for request in current) else AWAKE
