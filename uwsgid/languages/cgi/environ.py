"""The variables and arguments of a script (RFC 3875 section 4).

A script has the environment of the server, without what belongs to the server alone, and over it the
variables of its request.  What a client could use to make a program run other code than the script is not
among them, whoever sent it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from uwsgid._version import __version__

if TYPE_CHECKING:
    from uwsgid.languages.cgi.places import Script

#: Starts of names of the server's own environment: descriptors, sockets and watchdogs that are its own.
_OURS: Final = (b"UWSGID_", b"UWSGI_EMPEROR", b"LISTEN_", b"WATCHDOG_", b"NOTIFY_SOCKET")
#: Starts of keys that are no variables of CGI.
_NOT_CGI: Final = ("wsgi.", "uwsgi.", "wsgiorg.")
#: Variables that tell loaders and interpreters what to run; a request never sets them.
_ORDERS: Final = frozenset(
    {
        b"PATH", b"IFS", b"ENV", b"BASH_ENV", b"BASHOPTS", b"SHELLOPTS", b"GCONV_PATH", b"NODE_OPTIONS",
        b"PERL5DB", b"PERL5LIB", b"PERL5OPT", b"PERLLIB", b"PYTHONHOME", b"PYTHONINSPECT", b"PYTHONPATH",
        b"PYTHONSTARTUP", b"RUBYLIB", b"RUBYOPT", b"HTTP_PROXY",
    }
)  # fmt: skip
_ORDER_STARTS: Final = (b"LD_", b"BASH_FUNC_", b"DYLD_")


def environ(
    vars: Mapping[str, Any],
    script: Script,
    server: Mapping[bytes, bytes],
    *,
    unset: Collection[str] = (),
    whole_path: bool = False,
) -> dict[bytes, bytes]:
    """The environment of *script* for a request with *vars*.

    :param server: the environment of this process.
    :param unset: names that the script does not get.
    :param whole_path: ``PATH_INFO`` stays as it came (``cgi-path-info``).
    """
    env = {name: value for name, value in server.items() if not name.startswith(_OURS)}
    for name, value in vars.items():
        if type(value) is str and not name.startswith(_NOT_CGI):
            key = name.encode("latin-1", "replace")
            if key and b"=" not in key and b"\0" not in key and not _is_order(key):
                env[key] = value.encode("latin-1", "replace").replace(b"\0", b"")
    for key in (b"CONTENT_LENGTH", b"CONTENT_TYPE"):
        if not env.get(key):
            env.pop(key, None)
    root = env.get(b"DOCUMENT_ROOT") or script.root or script.path.rpartition(b"/")[0]
    env |= {
        b"GATEWAY_INTERFACE": b"CGI/1.1",
        b"SERVER_SOFTWARE": b"uwsgid/" + __version__.encode(),
        b"REDIRECT_STATUS": b"200",  # php-cgi runs nothing without it
        b"DOCUMENT_ROOT": root,
        b"SCRIPT_FILENAME": script.path,
        b"SCRIPT_NAME": script.name,
    }
    path_info = env.get(b"PATH_INFO", b"") if whole_path else script.path_info
    env.pop(b"PATH_INFO", None)
    env.pop(b"PATH_TRANSLATED", None)
    if path_info:
        env[b"PATH_INFO"] = path_info
        if b".." not in path_info.split(b"/"):  # which would lead out of the root
            env[b"PATH_TRANSLATED"] = root + path_info
    for name in unset:
        env.pop(name.encode("latin-1", "replace"), None)
    return env


def arguments(method: str, query: str) -> list[bytes]:
    """The arguments of a script: a query without ``=`` is a list of words (RFC 3875 section 4.4).

    None begins with a dash, since programs take such words for options; and none go with a body.
    """
    if not query or "=" in query or method not in ("GET", "HEAD"):
        return []
    words = [unquote_to_bytes(word) for word in query.encode("latin-1", "replace").split(b"+")]
    if any(word.startswith(b"-") or b"\0" in word for word in words):
        return []
    return words


def _is_order(name: bytes) -> bool:
    return name in _ORDERS or name.startswith(_ORDER_STARTS)
