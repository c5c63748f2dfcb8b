"""Has Twisted load its TLS when somebody encrypts, and not when anybody imports a reactor.

Twisted looks for pyOpenSSL as soon as there is a reactor, and that brings ``cryptography`` with it: a tenth
of what an instance takes to start, and more than five megabytes, of which most instances never use a byte.

The rule of the file: nobody notices.  ``twisted.protocols.tls`` and ``twisted.internet.ssl`` are what they
always were for whoever imports them; only the reactor and its transports have stand-ins, which import the
real ones when they are asked for anything.

The cookies of HTTP clients are spared in the same way: an old name of ``twisted.python.compat`` for them
brings ``urllib.request``, ``http.client`` and the parser of mails.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, Final

_NEEDED: Final = ("OpenSSL", "service_identity")
_NAMES: Final = ("twisted.protocols.tls", "twisted.internet.ssl")
_COOKIES: Final = "http.cookiejar"
_OLD_NAMES: Final = "twisted.python.compat"


class _StandIn(ModuleType):
    """A module that is loaded when it is asked for something."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # the machinery of imports looks what is there
        return getattr(importlib.import_module(self.__name__), name)


def _make_factory(*arguments: Any, **named: Any) -> Any:
    """What transports import by its name before there is any TLS."""
    return importlib.import_module("twisted.protocols.tls").TLSMemoryBIOFactory(*arguments, **named)


def load_reactor() -> None:
    """Import the reactor without TLS, where TLS can be had later.

    Nothing is done where the reactor is there already, or where pyOpenSSL is not installed.
    """
    if "twisted.internet.tcp" in sys.modules or any(name in sys.modules for name in _NAMES):
        return
    _load_without_cookies()
    if not all(map(importlib.util.find_spec, _NEEDED)):
        return
    for name in _NAMES:
        sys.modules[name] = _StandIn(name)
    sys.modules[_NAMES[0]].__dict__["TLSMemoryBIOFactory"] = _make_factory
    try:
        importlib.import_module("twisted.internet.posixbase")
    finally:
        for name in _NAMES:
            stand_in = sys.modules.pop(name)
            package, _, last = name.rpartition(".")
            if vars(sys.modules[package]).get(last) is stand_in:
                delattr(sys.modules[package], last)


def _load_without_cookies() -> None:
    if _COOKIES in sys.modules or _OLD_NAMES in sys.modules:
        return
    sys.modules[_COOKIES] = _StandIn(_COOKIES)
    try:
        importlib.import_module(_OLD_NAMES)
    finally:
        del sys.modules[_COOKIES]


def load() -> None:
    """Load TLS now, for whoever may not find it later: in a jail, or as another user."""
    if all(map(importlib.util.find_spec, _NEEDED)):
        for name in _NAMES:
            importlib.import_module(name)
