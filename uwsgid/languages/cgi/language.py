"""The language CGI: what the zygote and the workers call.

There is nothing to load.  Where no script is configured nothing of this folder but the options is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from uwsgid.families import languages
from uwsgid.languages.cgi.options import CgiOptions
from uwsgid.request.options import Dispatch

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.languages.cgi.guard import Guard
    from uwsgid.languages.outcome import LoadOutcome
    from uwsgid.request.mounts import Apps
    from uwsgid.request.serving import Handler, Serving
    from uwsgid.supervise.household import Household

Say = Callable[[str], None]
Ask = Callable[[str], None]

#: ``modifier1`` of CGI.
MODIFIER: Final = 9


@languages.member("cgi")
class Cgi:
    """Scripts that are run once for each request."""

    def __init__(self) -> None:
        self._guard: Guard | None = None

    def initialize(
        self, settings: Settings, say: Say, ask: Ask | None = None, household: Household | None = None
    ) -> None:
        """Say what is mounted where."""
        for point, path in settings[CgiOptions].mounts:
            if point:
                say(f"initialized CGI mountpoint: {point} = {path}")
            else:
                say(f"initialized CGI path: {path}")

    def try_module(self, settings: Settings, say: Say) -> int | None:
        """Nothing: ``test`` is about Python."""
        return None

    def load(
        self, settings: Settings, apps: Apps, say: Say, *, lazy: bool = False, is_reload: bool = False
    ) -> LoadOutcome:
        """See whether what is mounted is there; only under ``cgi-optimize`` it has to be."""
        from uwsgid.languages.outcome import LoadOutcome

        chosen = settings[CgiOptions]
        for _, path in chosen.mounts:
            if not os.path.exists(path):
                if chosen.optimize:
                    reason = f"unable to find CGI path {path}"
                    say(reason)
                    return LoadOutcome(failed=1, exit_code=1, reason=reason)
                say(f"*** WARNING: there is nothing at the CGI path {path} yet ***")
        return LoadOutcome()

    def settle(self, say: Say) -> None:
        """Nothing is shared."""

    def post_fork(self, serving: Serving, ask: Ask | None = None) -> None:
        """Fork the guard of this worker's scripts, where there may be any."""
        if serving.settings[CgiOptions].is_asked_for:
            from uwsgid.languages.cgi.guard import Guard

            self._guard = Guard()

    def handlers(self, serving: Serving) -> dict[int, Handler]:
        """Who answers, by modifier1.

        Where nothing else could answer them, requests without a modifier are for scripts as well; uWSGI
        answers those that there is no application.
        """
        if self._guard is None:
            return {}
        from uwsgid.languages.cgi.handler import CgiHandler

        handler = CgiHandler(serving, self._guard)
        is_alone = not len(serving.apps) and not serving.settings[Dispatch].dynamic_apps
        return {0: handler, MODIFIER: handler} if is_alone else {MODIFIER: handler}

    def at_exit(self) -> None:
        """Nothing: the guard sees the end of the worker."""
