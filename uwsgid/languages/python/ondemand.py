"""Loads the application that a request names: ``UWSGI_SCRIPT``, ``UWSGI_MODULE`` and their kin.

Whoever can set these variables runs code of its choice in the worker.  uWSGI obeys them from anybody; here
`uwsgid.request.mounts.Apps.find` asks for a request of a socket named by ``dynamic-apps`` only.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from uwsgid.languages.python.loading import load_one
from uwsgid.languages.python.targets import FileTarget, ModuleTarget, Target
from uwsgid.request.mounts import App, Apps

Say = Callable[[str], None]

#: Importing changes the process, and threads of a worker may ask at the same time.
_one_at_a_time: Final = threading.Lock()


def target_of(vars: Mapping[str, Any], callable: str) -> Target | None:
    """What these variables name, the strongest first; None where they name nothing.

    :param callable: the option of that name.
    """
    if script := vars.get("UWSGI_SCRIPT"):
        return ModuleTarget.parse(script, callable)
    callable = vars.get("UWSGI_CALLABLE") or callable
    if module := vars.get("UWSGI_MODULE"):
        return ModuleTarget.parse(module, callable)
    if file := vars.get("UWSGI_FILE"):
        return FileTarget(file, callable)
    return None


def load_on_demand(
    mountpoint: str, vars: Mapping[str, Any], *, apps: Apps, callable: str, say: Say
) -> App | None:
    """Load what *vars* name into *apps*; None where they name nothing, or it fails.

    ``UWSGI_CHDIR`` holds while it is loaded.  ``UWSGI_PYHOME`` can not be honoured, because a worker has one
    interpreter: such a request loads nothing.
    """
    target = target_of(vars, callable)
    if target is None:
        return None
    if home := vars.get("UWSGI_PYHOME") or vars.get("UWSGI_HOME"):
        say(f"not loading {target.where}: it wants the Python home {home}, a worker has one interpreter")
        return None
    with _one_at_a_time:
        if mountpoint not in apps:
            with _within(vars.get("UWSGI_CHDIR", ""), say):
                load_one(mountpoint, target, apps, say)
        return next((app for app in apps if app.mountpoint == mountpoint), None)


@contextlib.contextmanager
def _within(directory: str, say: Say) -> Iterator[None]:
    before = os.getcwd()
    try:
        if directory:
            os.chdir(directory)
    except OSError as error:
        say(f"chdir(): {error.strerror}: {directory}")
    try:
        yield
    finally:
        os.chdir(before)
