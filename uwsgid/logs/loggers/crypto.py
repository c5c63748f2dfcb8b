"""``crypto``: records encrypted, one datagram for each (plugins/logcrypto/logcrypto.c).

What is encrypted is ``MICROSECONDS [PREFIX ]RECORD``.  Key and IV are the same for every record and nothing
says whether a packet was changed on its way; the encoder ``aead`` before the logger ``socket`` does better.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import loggers
from uwsgid.logs.lines import encode
from uwsgid.logs.loggers.addresses import Address, read_host_port
from uwsgid.logs.loggers.ciphers import Scheme, scheme_of
from uwsgid.logs.loggers.keyvals import read_flag, read_pairs
from uwsgid.logs.loggers.sending import DatagramEngine, Sender

KEYS: Final = ("addr", "algo", "secret", "iv", "prefix", "secret-file", "weak")


@dataclass(frozen=True, slots=True)
class Wish:
    """``addr=…,algo=…,secret=…[,iv=…][,prefix=…]``.

    :ivar secret_file: where the secret is read from in place of the argument.
    :ivar weak: take what is known to be weak.
    """

    address: Address
    scheme: Scheme
    secret: bytes
    secret_file: str
    iv: bytes
    prefix: bytes
    weak: bool

    @classmethod
    def read(cls, argument: str) -> Wish:
        """:raises ConfigError: it can not be read, or is weak and nobody insists."""
        pairs = read_pairs(argument, "crypto", KEYS)
        secret, secret_file = pairs.get("secret", ""), pairs.get("secret-file", "")
        if not (pairs.get("addr") and pairs.get("algo") and (secret or secret_file)):
            raise ConfigError(
                "[uwsgi-logcrypto] you have to specify at least addr,algo and secret options "
                "(or secret-file, with the path of a file that has the secret)"
            )
        if secret and secret_file:
            raise ConfigError("crypto: secret and secret-file are both there; expected one of them")
        try:
            host, port = read_host_port(pairs["addr"], "crypto")
        except ConfigError as error:
            raise ConfigError(f"[uwsgi-logcrypto] invalid UDP address: {error}") from None
        wish = cls(
            Address(pairs["addr"], host=host, port=port),
            scheme_of(pairs["algo"]),
            encode(secret),
            secret_file,
            encode(pairs.get("iv", "")),
            encode(pairs.get("prefix", "")),
            read_flag(pairs, "weak", "crypto"),
        )
        wish.refuse(wish.scheme.weakness)
        if secret:
            wish.judge(wish.secret)
        return wish

    def judge(self, secret: bytes) -> None:
        """:raises ConfigError: *secret* is shorter than a key, which zeros make easy to guess."""
        if len(secret) < self.scheme.key_size:
            needed = f"a key of {self.scheme.name} has {self.scheme.key_size}"
            self.refuse(f"the secret has {len(secret)} bytes, and {needed}")

    def refuse(self, weakness: str) -> None:
        """:raises ConfigError: there is a weakness, and nobody insists on it."""
        if weakness and not self.weak:
            raise ConfigError(f"crypto: {weakness}; weak=true takes it all the same, as uWSGI does")

    def read_secret(self) -> bytes:
        """The secret, from its file if it has one, without the newline at its end.

        :raises ConfigError: it is weak or can be read by everybody, and nobody insists.
        :raises KernelError: the file can not be read.
        """
        if not self.secret_file:
            return self.secret
        try:
            with open(self.secret_file, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                secret = file.read(4096).removesuffix(b"\n")
        except OSError as error:
            raise KernelError(f"can not read the secret in {self.secret_file}: {error.strerror}") from None
        if stat.S_IMODE(mode) & 0o007 and not self.weak:
            raise ConfigError(
                f"crypto: everybody can read the secret in {self.secret_file}; chmod 600 mends that"
            )
        self.judge(secret)
        return secret


@loggers.member("crypto")
class Crypto(DatagramEngine):
    """Encrypts each record and sends it by UDP.

    :param clock: unix seconds.
    """

    def __init__(self, wish: Wish, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        super().__init__(Sender(wish.address.settle()))
        self._scheme: Final = wish.scheme
        self._cipher: Final = wish.scheme.cipher(secret, wish.iv)
        self._prefix: Final = wish.prefix + b" " if wish.prefix else b""
        self._clock: Final = clock

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: it can not be read, or is weak and nobody insists."""
        Wish.read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Crypto:
        """What ``logger = crypto:addr=…,algo=…,secret=…`` names.

        :raises ConfigError: it can not be read, or is weak and nobody insists.
        :raises KernelError: the file with the secret can not be read.
        """
        wish = Wish.read(argument)
        return cls(wish, wish.read_secret())

    def packets(self, record: bytes) -> tuple[bytes]:
        """The record behind the time and the prefix, encrypted."""
        text = b"%d %b%b" % (int(self._clock() * 1_000_000), self._prefix, record)
        made = self._cipher.encryptor()
        return (made.update(self._scheme.pad(text)) + made.finalize(),)
