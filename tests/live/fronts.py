"""The web servers that stand in front: real ones, each on the configuration that the manual shows.

``examples/fronts`` has one file for each front end and protocol, as an operator would install it.  A test
gets such a file with its two addresses exchanged: where the front end listens, and where uwsgid does.  What a
distribution's main configuration would add is written here, once for each program.
"""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.live.support import ROOT, Address, Daemon, LiveCase, find_program, free_port, requires

EXAMPLES: Final = ROOT / "examples"

#: The addresses in the examples: where a front end listens, and where the application server does.
LISTEN: Final = "127.0.0.1:8000"
SOCKET: Final = "/tmp/shop.sock"

#: Where Debian has the modules of Apache.
_MODULES: Final = Path("/usr/lib/apache2/modules")
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Front:
    """A front end that speaks one protocol to the application server.

    :ivar example: its file, below ``examples``.
    :ivar program: what has to be installed.
    :ivar option: the option of the server that this front end talks to.
    :ivar plain_paths: it tells the application only such paths rightly in which nothing is escaped.
    :ivar anew: changes that keep it from using connections again: the http-socket of uWSGI closes them
        without notice, so that now and then a request to it is lost.
    :ivar changes: texts of the example to replace, and by what.
    """

    example: str
    program: str
    option: str
    plain_paths: bool = False
    anew: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str], ...] = ()

    def text(self, upstream: str, listen: str) -> str:
        """The example with other addresses."""
        text = (EXAMPLES / self.example).read_text()
        for old, new in ((SOCKET, SOCKET), (LISTEN, LISTEN), *self.changes):
            assert old in text, (self.example, old)
            text = text.replace(old, new)
        return text.replace(SOCKET, upstream).replace(LISTEN, listen)


NGINX_UWSGI: Final = Front("nginx-shop.conf", "nginx", "socket")
NGINX_HTTP: Final = Front(
    "fronts/nginx-http.conf", "nginx", "http-socket", anew=(("    keepalive 8;\n", ""),)
)
NGINX_FASTCGI: Final = Front("fronts/nginx-fastcgi.conf", "nginx", "fastcgi-socket")
NGINX_SCGI: Final = Front("fronts/nginx-scgi.conf", "nginx", "scgi-socket")
APACHE_UWSGI: Final = Front("fronts/apache-uwsgi.conf", "apache2", "socket")
APACHE_HTTP: Final = Front(
    "fronts/apache-http.conf",
    "apache2",
    "http-socket",
    anew=(('http://shop/"', 'http://shop/" disablereuse=on'),),
)
APACHE_FASTCGI: Final = Front("fronts/apache-fastcgi.conf", "apache2", "fastcgi-socket")
APACHE_SCGI: Final = Front("fronts/apache-scgi.conf", "apache2", "scgi-socket", plain_paths=True)
LIGHTTPD_HTTP: Final = Front("fronts/lighttpd-http.conf", "lighttpd", "http-socket")
LIGHTTPD_FASTCGI: Final = Front("fronts/lighttpd-fastcgi.conf", "lighttpd", "fastcgi-socket")
LIGHTTPD_SCGI: Final = Front("fronts/lighttpd-scgi.conf", "lighttpd", "scgi-socket")
HAPROXY_HTTP: Final = Front(
    "fronts/haproxy-http.cfg",
    "haproxy",
    "http-socket",
    anew=(("option forwardfor", "http-reuse never\n    option forwardfor"),),
)
HAPROXY_FASTCGI: Final = Front("fronts/haproxy-fastcgi.cfg", "haproxy", "fastcgi-socket")

FRONTS: Final = (
    NGINX_UWSGI,
    NGINX_HTTP,
    NGINX_FASTCGI,
    NGINX_SCGI,
    APACHE_UWSGI,
    APACHE_HTTP,
    APACHE_FASTCGI,
    APACHE_SCGI,
    LIGHTTPD_HTTP,
    LIGHTTPD_FASTCGI,
    LIGHTTPD_SCGI,
    HAPROXY_HTTP,
    HAPROXY_FASTCGI,
)


def start_front(case: LiveCase, front: Front, upstream: str) -> Address:
    """Start a front end that ends with the test; a test has one at a time.

    :param upstream: the path of the unix socket that the application server listens on, now or later.
    :returns: where the front end takes HTTP.
    """
    address, daemon = _start(case, front, upstream)
    case.addCleanup(_end, daemon)
    return address


@contextmanager
def standing(case: LiveCase, front: Front, upstream: str) -> Iterator[Address]:
    """As `start_front`, for as long as the context lasts."""
    address, daemon = _start(case, front, upstream)
    try:
        yield address
    finally:
        _end(daemon)


def _start(case: LiveCase, front: Front, upstream: str) -> tuple[Address, Daemon]:
    requires(front.program)
    starts = {"nginx": _nginx, "apache2": _apache, "lighttpd": _lighttpd, "haproxy": _haproxy}
    return starts[front.program](case, front, upstream)


def _end(daemon: Daemon) -> None:
    """What each of these programs takes for an order to go at once."""
    if daemon.process.poll() is None:
        daemon.signal(signal.SIGTERM)
        daemon.wait()


def _command(name: str) -> str:
    found = find_program(name)
    assert found is not None
    return found


def _nginx(case: LiveCase, front: Front, upstream: str) -> tuple[Address, Daemon]:
    for params in Path("/etc/nginx").glob("*_params"):
        link = case.folder / params.name
        if not link.exists():
            link.symlink_to(params)
    listen = case.path("nginx.sock")
    daemon = case.run_nginx(front.text(upstream, f"unix:{listen}"))
    return listen, daemon


def _apache(case: LiveCase, front: Front, upstream: str) -> tuple[Address, Daemon]:
    owner = ("User www-data", "Group www-data") if os.geteuid() == 0 else ()
    for _ in range(_ATTEMPTS):
        port = free_port()
        site = front.text(upstream, f"127.0.0.1:{port}")
        main = apache_main(case, site, "/dev/stderr", *owner)
        daemon = case.run_daemon([_command("apache2"), "-DFOREGROUND", "-f", main])
        # another process may have taken the port since it was found free
        if "resuming" in daemon.wait_for(r"resuming normal operations|could not bind to address").group():
            return ("127.0.0.1", port), daemon
        daemon.wait()
    raise AssertionError(f"no port stayed free:\n{daemon.log()}")


def apache_main(case: LiveCase, site: str, log: str, *more: str) -> str:
    """Write a main configuration; it loads the modules that a site asks the operator to enable.

    :param site: the text of the site.
    :param log: where errors go.
    :param more: further lines.
    :returns: its path.
    """
    enabled = re.search(r"a2enmod ([a-z_ ]+)", site)
    assert enabled is not None, site
    modules = ["mpm_event", "authz_core", *enabled.group(1).split()]
    (case.folder / "apache-site.conf").write_text(site)
    main = case.folder / "apache.conf"
    main.write_text(
        "\n".join(
            [
                *(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in modules),
                f"ServerRoot {case.folder}",
                f"DefaultRuntimeDir {case.folder}",
                f"PidFile {case.path('apache.pid')}",
                f"DocumentRoot {case.folder}",
                "ServerName localhost",
                f"ErrorLog {log}",
                "StartServers 1\nServerLimit 1\nThreadsPerChild 16\nMaxRequestWorkers 16",
                *more,
                f"Include {case.path('apache-site.conf')}\n",
            ]
        )
    )
    return str(main)


def _lighttpd(case: LiveCase, front: Front, upstream: str) -> tuple[Address, Daemon]:
    listen = case.path("lighttpd.sock")
    main = case.folder / "lighttpd.conf"
    main.write_text(
        f'server.document-root = "{case.folder}"\nserver.bind = "{case.path("lighttpd-main.sock")}"\n'
        f'server.upload-dirs = ( "{case.folder}" )\n' + front.text(upstream, listen)
    )
    daemon = case.run_daemon([_command("lighttpd"), "-D", "-f", str(main)])
    daemon.wait_for("server started")
    return listen, daemon


def _haproxy(case: LiveCase, front: Front, upstream: str) -> tuple[Address, Daemon]:
    main = case.folder / "haproxy.cfg"
    main.write_text("global\n    maxconn 100\n")
    site = case.folder / "haproxy-site.cfg"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        site.write_text(front.text(upstream, f"fd@{listener.fileno()}"))
        daemon = case.run_daemon(
            [_command("haproxy"), "-db", "-f", str(main), "-f", str(site)], pass_fds=[listener.fileno()]
        )
        return listener.getsockname(), daemon
