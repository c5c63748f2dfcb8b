"""Each web server in front, over each protocol, on the configuration that the manual shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from tests.live import matrix
from tests.live.fronts import (
    APACHE_FASTCGI,
    APACHE_HTTP,
    APACHE_SCGI,
    APACHE_UWSGI,
    HAPROXY_FASTCGI,
    HAPROXY_HTTP,
    LIGHTTPD_FASTCGI,
    LIGHTTPD_HTTP,
    LIGHTTPD_SCGI,
    NGINX_FASTCGI,
    NGINX_HTTP,
    NGINX_SCGI,
    NGINX_UWSGI,
)
from tests.live.matrix import MEANT_OF_HTTP, NO_CHUNKS, Visit


class NginxUwsgiTests(matrix.Matrix):
    """nginx, uwsgi_pass."""

    front = NGINX_UWSGI


class NginxHttpTests(matrix.Matrix):
    """nginx, proxy_pass to http-socket."""

    front = NGINX_HTTP
    meant = MEANT_OF_HTTP


class ApacheUwsgiTests(matrix.Matrix):
    """Apache, mod_proxy_uwsgi."""

    front = APACHE_UWSGI
    chunks = False


class ApacheHttpTests(matrix.Matrix):
    """Apache, mod_proxy_http to http-socket."""

    front = APACHE_HTTP
    meant = MEANT_OF_HTTP
    wrong = NO_CHUNKS


class LighttpdHttpTests(matrix.Matrix):
    """lighttpd, mod_proxy to http-socket."""

    front = LIGHTTPD_HTTP
    meant = MEANT_OF_HTTP
    reasons = ("",)


class HaproxyHttpTests(matrix.Matrix):
    """HAProxy, http mode to http-socket."""

    front = HAPROXY_HTTP
    meant = MEANT_OF_HTTP
    wrong = NO_CHUNKS


class NginxFastcgiTests(matrix.Matrix):
    """nginx, fastcgi_pass."""

    front = NGINX_FASTCGI


class ApacheFastcgiTests(matrix.Matrix):
    """Apache, mod_proxy_fcgi."""

    front = APACHE_FASTCGI
    tells_length = False
    wrong: ClassVar[Mapping[str, str]] = {
        "POST /digest in chunks": "it takes a body of unknown length for none"
    }


class LighttpdFastcgiTests(matrix.Matrix):
    """lighttpd, mod_fastcgi."""

    front = LIGHTTPD_FASTCGI
    reasons = ("",)


class HaproxyFastcgiTests(matrix.Matrix):
    """HAProxy, fcgi-app."""

    front = HAPROXY_FASTCGI
    pieces = (b"small ", b"pieces")  # of larger ones it makes no records, and answers 400
    wrong: ClassVar[Mapping[str, str]] = {
        "POST /digest in chunks": "it takes a body of unknown length for none",
        "HEAD /large": "it sends a body, which HAProxy takes for an error",
        "HEAD /stream": "it sends a body, which HAProxy takes for an error",
    }

    def many(self, option: str) -> None:
        """Many clients at once, where HAProxy may send several requests at once on a connection."""
        docroot = "docroot /srv/www"
        changes = (
            (docroot, f"{docroot}\n    option {option}\n    option mpxs-conns\n    option max-reqs 8"),
        )
        site = self.site(changes)
        visits = (
            Visit("/large"),
            Visit("/digest", "POST", body=b"x" * 20000),
            Visit("/missing"),
        )
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda visit: visit.ask(site), visits * 60)
            found = Counter((answer.status, len(answer.body)) for answer in answers)
        self.assertEqual(found, Counter({(200, 102400): 60, (200, 70): 60, (404, 22): 60}))

    def test_multiplexing_is_declined(self) -> None:
        """HAProxy asks first whether it may (``option get-values``), and hears that it may not."""
        self.many("get-values")

    def test_connections_are_kept(self) -> None:
        """Each request on a kept connection gets its answer."""
        self.many("keep-conn")


class NginxScgiTests(matrix.Matrix):
    """nginx, scgi_pass."""

    front = NGINX_SCGI


class ApacheScgiTests(matrix.Matrix):
    """Apache, mod_proxy_scgi."""

    front = APACHE_SCGI
    tells_length = False
    chunks = False


class LighttpdScgiTests(matrix.Matrix):
    """lighttpd, mod_scgi."""

    front = LIGHTTPD_SCGI
    reasons = ("",)
