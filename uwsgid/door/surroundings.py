"""Steps of the boot that make the surroundings of all processes: variables, umask, directory and limits."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

from uwsgid.config.environ import read_envdir
from uwsgid.door.options import Instance
from uwsgid.errors import ConfigError
from uwsgid.host import (
    Limits,
    Privileges,
    Sockets,
    apply_descriptors,
    apply_limits,
    apply_priority,
    enter_directory,
    keep_in_memory,
    merge_pages,
)
from uwsgid.host.calls import attempt
from uwsgid.logs import banner
from uwsgid.request.buffering import how_buffered
from uwsgid.request.options import Bodies, RequestOptions
from uwsgid.supervise.deadline import Harakiri

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot


def set_the_umask(boot: Boot) -> None:
    """``umask``, before any file or socket is made."""
    umask = boot.site.settings[Sockets].umask
    if umask is not None:
        boot.kernel.umask(umask)


def set_the_environment(boot: Boot) -> None:
    """``early-envdir``, then ``env`` and ``unenv`` as they were written, then ``envdir``."""
    for name, value in boot.site.reading.variables.items():
        _set_variable(boot, name, value)
    for directive in boot.site.settings.directives:
        text = directive.value or ""
        if directive.name == "env":
            name, equals, content = text.partition("=")
            if not name or not equals:
                raise ConfigError(f"{directive.origin}: env: expected NAME=value, got {text!r}")
            boot.environ[name] = content
        elif directive.name == "unenv":
            boot.environ.pop(text, None)
    for path in boot.site.settings[Instance].envdir:
        for name, value in read_envdir(path).items():
            _set_variable(boot, name, value)
    time.tzset()  # uWSGI starts its Python after this, so that TZ counts


def _set_variable(boot: Boot, name: str, value: str | None) -> None:
    if value is None:
        boot.environ.pop(name, None)
    else:
        boot.environ[name] = value


def enter_the_directory(boot: Boot) -> None:
    """``chdir``."""
    path = boot.site.settings[Privileges].chdir
    if path:
        enter_directory(boot.kernel, path, boot.say)


def take_what_needs_root(boot: Boot) -> None:
    """``max-fd``, ``prio``, ``ksm`` and ``never-swap``, while we may; children inherit all but the last."""
    limits = boot.site.settings[Limits]
    apply_descriptors(boot.kernel, limits, _unsaid)
    apply_priority(boot.kernel, limits)
    merge_pages(boot.kernel, limits, boot.say)
    if limits.never_swap and boot.site.settings[Privileges].uid and boot.kernel.geteuid() == 0:
        # the limit of an ordinary user ends what asks for more memory, rather than what locks it
        unlimited = resource.RLIM_INFINITY
        attempt(
            "setrlimit()",
            "never-swap, RLIMIT_MEMLOCK",
            lambda: boot.kernel.setrlimit(resource.RLIMIT_MEMLOCK, unlimited, unlimited),
        )
    keep_in_memory(boot.kernel, limits)


def limit_resources(boot: Boot) -> None:
    """Limits of the kernel, and what is to be said about them."""
    settings = boot.site.settings
    apply_limits(boot.kernel, settings[Limits], boot.say)
    boot.say(banner.page_line())
    if settings[Bodies].post_buffering:
        boot.say(how_buffered())
    elif settings[Harakiri].timeout:
        boot.say(banner.HARAKIRI_WITHOUT_BUFFERING)
    descriptors = boot.kernel.getrlimit(resource.RLIMIT_NOFILE)[0]
    boot.say(f"detected max file descriptor number: {descriptors}")
    for line in banner.lock_lines(settings[RequestOptions].thunder_lock):
        boot.say(line)


def _unsaid(text: str) -> None:
    """What is told later, in its place."""
