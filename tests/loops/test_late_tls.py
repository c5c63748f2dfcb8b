"""Twisted's TLS, when somebody encrypts."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

_HEAD = "import sys; from uwsgid.loops import late_tls; late_tls.load_reactor(); "


class LateTests(SynchronousTestCase):
    """In processes that have not imported it yet."""

    def said(self, code: str) -> list[str]:
        command = [sys.executable, "-c", _HEAD + code]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()

    def test_not_at_once(self) -> None:
        """The reactor is there, knows how to encrypt, and has not loaded what that takes."""
        found = self.said(
            "from twisted.internet import reactor; from twisted.internet.interfaces import IReactorSSL; "
            "print(IReactorSSL.providedBy(reactor), *{'OpenSSL', 'cryptography', 'twisted.internet.ssl', "
            "'twisted.protocols.tls'}.intersection(sys.modules))"
        )
        self.assertEqual(found, ["True"])

    def test_a_connection(self) -> None:
        """Whoever encrypts a connection, from its start or later, has the real thing."""
        found = self.said(
            "from twisted.internet import reactor, _newtls, posixbase; "
            "from twisted.internet.protocol import Factory; "
            "from twisted.internet import ssl; from twisted.protocols import tls; "
            "options = ssl.CertificateOptions(); "
            "port = reactor.listenSSL(0, Factory(), options, interface='127.0.0.1'); "
            "late = _newtls.TLSMemoryBIOFactory(options, False, None); "
            "print(type(port.factory) is tls.TLSMemoryBIOFactory, type(late) is tls.TLSMemoryBIOFactory, "
            "posixbase.ssl.CertificateOptions is ssl.CertificateOptions)"
        )
        self.assertEqual(found, ["True", "True", "True"])

    def test_early(self) -> None:
        """Where it has to be there before a jail it can be loaded."""
        found = self.said(
            "late_tls.load(); import twisted.internet; "
            "print('OpenSSL' in sys.modules, twisted.internet.ssl is sys.modules['twisted.internet.ssl'])"
        )
        self.assertEqual(found, ["True", "True"])

    def test_cookies(self) -> None:
        """The cookies of HTTP clients come when they are asked for, also by the old name."""
        found = self.said(
            "print('urllib.request' in sys.modules, 'http.cookiejar' in sys.modules); "
            "import warnings; warnings.simplefilter('ignore'); "
            "from twisted.python import compat; from http import cookiejar; "
            "print(compat.cookielib.CookieJar is cookiejar.CookieJar, 'urllib.request' in sys.modules)"
        )
        self.assertEqual(found, ["False", "False", "True", "True"])

    def test_too_late(self) -> None:
        """Where Twisted is there already nothing changes."""
        found = self.said(
            "import twisted.internet.tcp; before = set(sys.modules); late_tls.load_reactor(); "
            "print(set(sys.modules) == before)"
        )
        self.assertEqual(found, ["True"])
