"""The module ``uwsgi`` that applications import.

It exists inside the server only: `install` puts it into ``sys.modules`` of the zygote, before applications
are loaded, and `complete` tells it in each worker whom it serves.  Its functions are the members of the
family ``api_functions``, wherever they live; what uWSGI has and nobody registered is there and raises
`NotBuiltYet`.

Texts are bytes where uWSGI gives bytes under Python 3 (python_plugin.c, init_uwsgi_embedded_module).
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from uwsgid.config.facts import Facts
from uwsgid.config.magic import Magic
from uwsgid.families import api_functions
from uwsgid.languages.python import (  # noqa: F401 - they register functions
    api_connections,
    api_files,
    api_locks,
    api_logging,
    api_status,
)
from uwsgid.languages.python.api_missing import (
    SPOOL_IGNORE,
    SPOOL_OK,
    SPOOL_RETRY,
    UNUSED_HOOKS,
    missing_functions,
)
from uwsgid.languages.python.context import Context, as_bytes, current_vars, here
from uwsgid.languages.python.loading import say_traceback
from uwsgid.request.options import RequestOptions
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.request.serving import Serving

#: The version of uWSGI whose behaviour applications get, and what ``uwsgi.version`` says.
VERSION: Final = b"1.9.16"
VERSION_INFO: Final = (1, 9, 16, 0, "")
NAME: Final = "uwsgi"


class UwsgiModule(ModuleType):
    """The module itself.  What changes from request to request is computed when it is asked for."""

    @property
    def env(self) -> dict[str, Any]:
        """The environ of the request in progress; an empty dict outside."""
        return current_vars()

    @property
    def start_response(self) -> Callable[..., Any]:
        """Starts the answer to the request in progress."""
        reply = here.need_request().reply

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            reply.start(status, headers)
            return reply.write

        return start_response

    def __setattr__(self, name: str, value: Any) -> None:
        if name in UNUSED_HOOKS:
            here.say(f"uwsgi.{name} was set, but uwsgid does not have {UNUSED_HOOKS[name]} yet")
        super().__setattr__(name, value)
        if name == "after_req_hook" and here.serving is not None:
            _serve_after_request(here.serving, self)


def install(context: Context = here) -> UwsgiModule:
    """Make the module of what *context* knows before applications are loaded, and let it be imported."""
    settings = context.settings
    assert settings is not None
    opt = settings.opt()
    module = UwsgiModule(NAME, "The application server, seen from inside.")
    content: dict[str, Any] = dict(missing_functions())
    content.update({member.name: member.part for member in api_functions})
    content.update(
        version=VERSION,
        version_info=VERSION_INFO,
        hostname=as_bytes(socket.gethostname()),
        opt=opt,
        magic_table=magic_table(settings),
        numproc=settings[Processes].processes,
        cores=settings[Processes].threads,
        has_threads=int(settings[Processes].threads > 1 or settings[Processes].enable_threads),
        buffer_size=settings[RequestOptions].buffer_size,
        started_on=int(context.started),
        is_a_reload=context.household is not None and context.household.is_reload,
        sockets=[listener.fd for listener in (context.household.listeners if context.household else ())],
        applications=None,
        loop=_last(opt, "loop"),
        unbit=None,
        queue_size=0,
        SPOOL_OK=SPOOL_OK,
        SPOOL_RETRY=SPOOL_RETRY,
        SPOOL_IGNORE=SPOOL_IGNORE,
    )
    for name in ("mode", "pidfile"):  # there only where they are configured, as in uWSGI
        value = _last(opt, name)
        if value is not None:
            content[name] = value
    module.__dict__.update(content)
    sys.modules[NAME] = module
    return module


def complete(serving: Serving, context: Context = here) -> None:
    """Tell the module what it serves with, in a worker."""
    context.serving = serving
    context.apps = serving.apps
    if context.locks is not None:
        context.locks.born()
    module = sys.modules.get(NAME)
    if isinstance(module, UwsgiModule) and "after_req_hook" in module.__dict__:
        _serve_after_request(serving, module)


class _AfterRequest:
    """What follows a request in a worker whose application set ``after_req_hook``."""

    def __init__(self, module: UwsgiModule, inner: Callable[[int], None] | None) -> None:
        self._module = module
        self._inner = inner

    def __call__(self, core: int) -> None:
        try:
            call_hook("after_req_hook")
        except Exception as error:
            say_traceback(error, here.say)
        if self._inner is not None:
            self._inner(core)


def _serve_after_request(serving: Serving, module: UwsgiModule) -> None:
    if not isinstance(serving.after_request, _AfterRequest):
        serving.after_request = _AfterRequest(module, serving.after_request)


def call_hook(name: str) -> None:
    """Call what the application set as ``uwsgi.NAME``, if it did: ``post_fork_hook``, ``atexit``.

    :raises BaseException: whatever that raises.
    """
    hook = getattr(sys.modules.get(NAME), name, None)
    if callable(hook):
        hook()


def magic_table(settings: Settings) -> dict[bytes, bytes]:
    """The one-letter placeholders of the configuration's first file."""
    sources = (directive.origin.source for directive in settings.directives if directive.origin.line)
    magic = Magic.for_source(next(sources, "-"), Facts.of_this_process())
    return {as_bytes(letter): as_bytes(text) for letter, text in magic.variables.items()}


def _last(opt: Mapping[str, Any], name: str) -> bytes | None:
    value = opt.get(name)
    if isinstance(value, list):
        value = value[-1]
    return value if isinstance(value, bytes) else None
