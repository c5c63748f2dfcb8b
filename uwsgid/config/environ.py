"""Options in the environment, and the environment in files.

``UWSGI_MAX_REQUESTS=5`` is ``max-requests = 5``.  What uWSGI's processes tell each other in variables of that
prefix is not taken for options.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.lexicon import OptionIndex
from uwsgid.errors import ConfigError

ENVIRONMENT: Final = Origin("environment")
_PREFIX: Final = "UWSGI_"
#: Variables of that prefix by which uWSGI's processes tell each other something.
NOT_OPTIONS: Final = frozenset(
    {
        "UWSGI_RELOADS",
        "UWSGI_ORIGINAL_PROC_NAME",
        "UWSGI_VASSALS_DIR",
        "UWSGI_EMPEROR_FD",
        "UWSGI_EMPEROR_FD_CONFIG",
        "UWSGI_BROODLORD_NUM",
        "UWSGI_EMPEROR_PROXY",
        "UWSGI_JAIL_PID",
    }
)


def environment_options(environ: Mapping[str, str], options: OptionIndex) -> Iterator[Directive]:
    """The directives that *environ* holds, in its order.

    ``_`` means ``-``, except in options that are spelt with an underscore, like ``pivot_root``.
    ``UWSGI_VASSAL_…`` is for the vassals of this process.  A vassal leaves ``UWSGI_EMPEROR`` alone, which is
    what made an emperor of its parent; with uWSGI it would become one of the same directory.
    """
    for variable, value in environ.items():
        plain = variable.removeprefix(_PREFIX)
        if plain == variable or not plain or variable in NOT_OPTIONS or plain.startswith("VASSAL_"):
            continue
        if variable == "UWSGI_EMPEROR" and "UWSGI_EMPEROR_FD" in environ:
            continue
        name = plain.lower().replace("_", "-")
        if options.takes(name) is None:
            spelt = (known for known in options.names() if "_" in known and known.replace("_", "-") == name)
            name = next(spelt, name)
        yield Directive(name, value, Origin(f"{ENVIRONMENT.source}, {variable}"))


def read_envdir(path: str) -> dict[str, str | None]:
    """The variables that a directory holds: one a file, its name and its content.

    Blanks at the end are cut off, a NUL is a newline, an empty file unsets the variable (None), hidden files
    do not count, as with daemontools and uWSGI.

    :raises ConfigError: when the directory or a file can not be read.
    """
    found: dict[str, str | None] = {}
    try:
        for name in sorted(os.listdir(path)):
            file = os.path.join(path, name)
            if name.startswith(".") or not stat.S_ISREG(os.stat(file).st_mode):
                continue
            with open(file, "rb") as opened:
                data = opened.read()
            text = data.rstrip().replace(b"\0", b"\n").decode("utf-8", "surrogateescape")
            found[name] = text if data else None
    except OSError as error:
        raise ConfigError(f"unable to read the directory {error.filename}: {error.strerror}") from error
    return found
