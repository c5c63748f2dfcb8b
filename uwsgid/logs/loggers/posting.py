"""POST requests to one server over a connection that is kept: what engines need that speak HTTP.

All that it needs of the file system, modules and certificates, it takes when it is made.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from uwsgid.errors import ConfigError
from uwsgid.logs.loggers.addresses import Address

TIMEOUT: Final = 5.0  #: seconds for each step
_PORTS: Final = {"http": 80, "https": 443}


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was resolved before."""

    def __init__(self, address: Address, context: ssl.SSLContext | None, timeout: float) -> None:
        super().__init__(address.host, address.port, timeout=timeout)
        self._address = address
        self._context = context
        self._patience = timeout

    def connect(self) -> None:
        made = self._address.connect(self._patience)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            try:
                made = self._context.wrap_socket(made, server_hostname=self._address.host)
            except BaseException:
                made.close()
                raise
        self.sock = made


class Poster:
    """Posts to a URL.

    :param url: ``http`` or ``https``, with ``user:password@`` where the server asks for that.
    :param path: used where the URL has none.
    :param timeout: seconds for each step.
    :raises ConfigError: it is no such URL.
    """

    def __init__(self, url: str, path: str, where: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or _PORTS[parts.scheme]
        except (KeyError, ValueError):
            raise ConfigError(f"{where}: expected a URL such as http://127.0.0.1:3100") from None
        if not parts.hostname:
            raise ConfigError(f"{where}: the URL names no host")
        self.path: Final = (parts.path.rstrip("/") or path) + (f"?{parts.query}" if parts.query else "")
        #: Scheme, host and port, for messages: a password is not among them.
        self.place: Final = f"{parts.scheme}://{parts.hostname}:{port}"
        self._host_header: Final = parts.netloc.rpartition("@")[2]
        self._authorization = ""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        self._address: Final = Address(url, host=parts.hostname, port=port, kind=socket.SOCK_STREAM)
        self._timeout: Final = timeout
        self._is_safe: Final = parts.scheme == "https"
        self._context: ssl.SSLContext | None = None
        self._connection: http.client.HTTPConnection | None = None

    def prepare(self) -> None:
        """Resolve the name and read the certificates that servers are judged by."""
        self._address.settle()
        if self._is_safe:
            self._context = ssl.create_default_context()

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Post *body*.

        :returns: the status, and what the server says, without a newline and 200 characters at most.
        :raises OSError: the server can not be reached, or does not answer in time.
        """
        sent = {"Host": self._host_header, **headers}
        if self._authorization:
            sent["Authorization"] = self._authorization
        was_open = self._connection is not None
        try:
            return self._exchange(body, sent)
        except ConnectionError:
            self.close()
            if not was_open:
                raise
        except http.client.HTTPException as error:
            self.close()
            raise OSError(f"it does not speak HTTP: {type(error).__name__} {error}") from None
        except OSError:
            self.close()
            raise
        # it has closed a connection that was idle for long
        return self.post(body, headers)

    def close(self) -> None:
        """Close the connection; the next `post` opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        if self._connection is None:
            self._connection = _Connection(self._address, self._context, self._timeout)
        connection = self._connection
        connection.request("POST", self.path, body, dict(headers))
        answer = connection.getresponse()
        said = answer.read(65536)
        if not answer.isclosed():  # whoever says that much is not worth waiting for
            self.close()
        return answer.status, said.decode("utf-8", "replace").strip().partition("\n")[0][:200]
