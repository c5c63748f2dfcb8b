"""What engines have in common that send records to somebody.

They have nothing to reopen or rotate, and of a batch they can keep a part: `NotKept` says which records they
could not keep, so that only those go to the original log.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from uwsgid.errors import ConfigError
from uwsgid.logs.pipeline import Logger, NotKept

__all__ = ["Engine", "NotKept", "borrow", "text_of", "why"]


class Engine(Logger):
    """A logger without files.

    :ivar SLOW: whether `write` may wait, see `uwsgid.logs.loggers`; an instance may know it better.
    """

    SLOW: bool = False

    @abstractmethod
    def write(self, records: Sequence[bytes]) -> None:
        """Keep *records*.

        :raises OSError: they could not be kept; `NotKept` where it is about some of them.
        """

    def reopen(self) -> None:
        """Nothing: there is no name to open again."""

    def rotate(self) -> None:
        """Nothing, for the same reason."""

    def check_size(self) -> None:
        """Nothing, for the same reason."""

    def close(self) -> None:
        """Let go of what the first `write` opened."""


def why(error: BaseException) -> str:
    """The reason in an error of the system, without its number; of others, what they say."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason or type(error).__name__


def text_of(record: bytes) -> str:
    """*record* as text without its newline; bytes that are no UTF-8 become replacement characters."""
    return whole_text_of(record.removesuffix(b"\n"))


def whole_text_of(record: bytes) -> str:
    """Likewise, with its newline."""
    return record.decode("utf-8", "replace")


def borrow(module: str, extra: str, engine: str) -> Any:
    """Import *module*, which is not one of those that uwsgid always comes with.

    :param extra: what to install uwsgid with to have it.
    :raises ConfigError: it is not there.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"the logger {engine} needs a package that is not installed ({error}); "
            f"pip install 'uwsgid[{extra}]' brings it"
        ) from None
