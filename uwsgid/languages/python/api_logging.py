"""Functions of the ``uwsgi`` module about the log."""

from __future__ import annotations

import os
import stat
from typing import Literal

from uwsgid.families import api_functions
from uwsgid.languages.python.context import as_bytes, as_text, here

#: Options that name the file of the log, the strongest last.
_LOG_FILES = ("daemonize", "daemonize2", "logto", "logto2")


@api_functions.member("log")
def log(text: str | bytes) -> Literal[True]:
    """Write one line to the log."""
    here.say(as_text(text))
    return True


@api_functions.member("alarm")
def alarm(name: str | bytes, text: str | bytes) -> None:
    """Have the master raise an alarm of the configuration; of one that there is not it says so in the log.

    It is raised a moment later, and not more often than ``alarm-freq`` and ``alarm-burst`` allow.
    """
    here.ask(f"alarm {as_text(name)} {as_text(text)}")


@api_functions.member("log_this_request")
def log_this_request() -> None:
    """Log the request in progress, whatever the options say."""
    here.need_request().log = True


@api_functions.member("set_logvar")
def set_logvar(name: str | bytes, value: str | bytes) -> None:
    """Set a variable that ``log-format`` can show, for the request in progress."""
    request = here.need_request()
    if request.logvars is None:
        request.logvars = {}
    request.logvars[as_text(name)] = as_text(value)


@api_functions.member("get_logvar")
def get_logvar(name: str | bytes) -> bytes | None:
    """What `set_logvar` set, or None."""
    value = (here.need_request().logvars or {}).get(as_text(name))
    return None if value is None else as_bytes(value)


@api_functions.member("logsize")
def logsize() -> int:
    """Bytes of the log file; 0 where the log is none."""
    options = here.settings.opt() if here.settings is not None else {}
    for name in reversed(_LOG_FILES):
        value = options.get(name)
        path = value[-1] if isinstance(value, list) else value
        if isinstance(path, bytes):
            try:
                return os.stat(path).st_size
            except OSError:
                continue
    facts = os.fstat(2)
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0
