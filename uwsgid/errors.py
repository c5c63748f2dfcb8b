"""Every error of the house, one tree, split by who was wrong.

The text of an error says what is wrong, where (``shop.ini:14``) and what to try.  It is written for the
person who reads it, and printed without a traceback; only `InternalError`, our own mistakes, leave one.
"""

from __future__ import annotations

from collections.abc import Sequence


class UwsgidError(Exception):
    """The root of all errors that uwsgid raises itself."""


class ConfigError(UwsgidError):
    """The configuration can not be used.  Its text lists every problem that was found, one a line."""


class ConfigProblems(ConfigError):
    """Several things are wrong with a configuration.

    :ivar problems: one text each, ``shop.ini:14: harakiri: expected …``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class PeerError(UwsgidError):
    """The other side of a connection broke its protocol.

    :ivar status: the HTTP status that tells the peer, where the protocol has a way to say it; 0 where not.
    :ivar option: the uwsgid option that governs the limit that was passed, or an empty string.
    """

    def __init__(self, text: str, *, status: int = 400, option: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.option = option


class PeerGone(PeerError):
    """The other side closed or reset the connection before its request was complete."""

    def __init__(self, text: str = "the client closed the connection") -> None:
        super().__init__(text, status=0)


class PeerTimeout(PeerError):
    """The other side stayed silent for longer than the option that governs it allows."""

    def __init__(self, text: str, *, status: int = 408, option: str = "socket-timeout") -> None:
        super().__init__(text, status=status, option=option)


class BodyError(PeerError, OSError):
    """The body of a request can not be read: it is not what it ought to be, it stays away, or it was cut.

    Applications get it as the `OSError` that they know from uWSGI; what was wrong is in the log.
    Where they let it pass, the client is answered ``status``; 0 means that there is nobody to answer.
    """


class AppError(UwsgidError):
    """The application can not be loaded, or broke the contract of its gateway interface."""


class KernelError(UwsgidError):
    """The operating system refused something.  The text names the call, its object and the reason."""


class NotBuiltYet(UwsgidError):
    """A function of uWSGI that uwsgid knows by name and does not have yet."""


class UnknownMember(UwsgidError):
    """A family of interchangeable parts was asked for a member that it does not have.

    :ivar hint: what was probably meant, or what there is.
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(f"{text}; {hint}" if hint else text)
        self.hint = hint


class InternalError(UwsgidError):
    """A mistake of uwsgid's own.  Please report it, with the traceback."""
