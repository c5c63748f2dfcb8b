"""The language Python: what the zygote and the workers call, in the order in which they call it.

``initialize`` runs in the zygote, ``load`` where applications are imported (there, or in each worker with
``lazy-apps``), ``settle`` in the zygote just before it forks, ``post_fork``, ``handlers`` and ``at_exit`` in
each worker.
Everything that this package needs of other packages is imported with this module, because ``initialize`` may
take uwsgid's own environment out of sight.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from uwsgid.errors import AppError
from uwsgid.families import languages
from uwsgid.host.locks import LockTable
from uwsgid.languages.outcome import LoadOutcome
from uwsgid.languages.python import api, wsgi
from uwsgid.languages.python.api_locks import user_lock_names
from uwsgid.languages.python.autoreload import AutoReload, Reloader
from uwsgid.languages.python.context import here
from uwsgid.languages.python.imports import argv, import_all, map_aliases, try_module
from uwsgid.languages.python.loading import freeze, load_apps, say_traceback, threads_alive
from uwsgid.languages.python.ondemand import load_on_demand
from uwsgid.languages.python.options import PythonApps
from uwsgid.languages.python.virtualenv import PythonHome, enter

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.request.mounts import Apps
    from uwsgid.request.serving import Handler, Serving
    from uwsgid.supervise.household import Household

Say = Callable[[str], None]
Ask = Callable[[str], None]


@languages.member("python")
class Python:
    """WSGI applications."""

    def __init__(self) -> None:
        self._reloader: Reloader | None = None

    def initialize(
        self, settings: Settings, say: Say, ask: Ask | None = None, household: Household | None = None
    ) -> None:
        """Prepare the interpreter: environment, path, arguments, the ``uwsgi`` module, aliases of modules.

        :param ask: says a word to the master.
        :raises AppError: when the environment or an alias can not be had; uWSGI exits with 1 then.
        """
        say(f"Python version: {sys.version}")
        chosen = settings[PythonApps]
        sys.argv = argv(chosen.argv)
        here.settings, here.say, here.household = settings, say, household
        if ask is not None:
            here.ask = ask
        if household is not None:
            here.started = household.started
        shared: LockTable | None = getattr(household, "locks", None)
        here.locks = shared if shared is not None else LockTable(user_lock_names(settings))
        enter(settings[PythonHome], say)
        api.install()
        say(f"Python main interpreter initialized at {id(sys.modules):#x}")
        map_aliases(chosen.aliases, say)

    def try_module(self, settings: Settings, say: Say) -> int | None:
        """Do what the option ``test`` asks for; the exit status, None where it asks for nothing.

        :raises AppError: as `initialize`.
        """
        chosen = settings[PythonApps]
        if not chosen.test:
            return None
        self.initialize(settings, say)
        return try_module(chosen, say)

    def load(
        self, settings: Settings, apps: Apps, say: Say, *, lazy: bool = False, is_reload: bool = False
    ) -> LoadOutcome:
        """Load the applications into *apps*.  A failing one is in the outcome, nothing is raised.

        :param lazy: a worker loads for itself.
        :param is_reload: a generation before this one serves.
        """
        here.apps = apps
        apps.on_demand = partial(load_on_demand, apps=apps, callable=settings[PythonApps].callable, say=say)
        outcome = load_apps(settings, apps, say, lazy=lazy, is_reload=is_reload)
        try:
            map_aliases(settings[PythonApps].post_aliases, say)
        except AppError as error:
            say(str(error))
            return replace(outcome, exit_code=1, reason=str(error))
        return outcome

    def settle(self, say: Say) -> None:
        """Make what was loaded ready for sharing, and say what can not be shared."""
        threads = threads_alive()
        if threads:
            say(
                f"*** WARNING: threads that the application started before the fork will not exist in its "
                f"workers: {', '.join(threads)}; start them in uwsgi.post_fork_hook, or use lazy-apps ***"
            )
        freeze()

    def post_fork(self, serving: Serving, ask: Ask | None = None) -> None:
        """Wake up in a worker: the ``uwsgi`` module, imports, ``post_fork_hook``, the reloader.

        :param ask: says a word to the master from this worker.
        """
        if ask is not None:
            here.ask = ask
        here.say = serving.say
        chosen = serving.settings[PythonApps]
        api.complete(serving)
        import_all((*chosen.shared_imports, *chosen.imports), serving.say)
        _call("post_fork_hook", serving.say)
        reloading = serving.settings[AutoReload]
        if reloading.interval and serving.slot == 1:
            self._reloader = Reloader(reloading, serving.say, here.ask)
            self._reloader.start()

    def handlers(self, serving: Serving) -> dict[int, Handler]:
        """Who answers, by modifier1."""
        return wsgi.handlers(serving)

    def at_exit(self) -> None:
        """The worker leaves: call what the application set as ``uwsgi.atexit``."""
        _call("atexit", here.say)


def _call(hook: str, say: Say) -> None:
    try:
        api.call_hook(hook)
    except Exception as error:
        say_traceback(error, say)
