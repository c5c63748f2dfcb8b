"""Standard streams that belong to whoever runs a statement, for as long as it runs.

What a statement prints is for its session; what others print meanwhile, in other threads, is for the log as
ever.  So the switch looks at the thread.  It is only there while statements run, and what it stood for comes
back afterwards.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

Write = Callable[[str], None]

_lock: Final = threading.Lock()
_writers: Final[dict[int, Write]] = {}
_shows: Final[dict[int, Callable[[Any], None]]] = {}
_originals: Final[dict[str, Any]] = {}
_NAMES: Final = ("stdin", "stdout", "stderr", "displayhook")


class _Out:
    """Standard output or error: that of a session in the thread of its statement, the usual one elsewhere."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def write(self, text: str) -> int:
        writer = _writers.get(threading.get_ident())
        if writer is None:
            return int(self._original.write(text))
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        writer(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if threading.get_ident() not in _writers:
            self._original.flush()

    def close(self) -> None:
        """A statement may not close what others write to."""
        if threading.get_ident() not in _writers:
            self._original.close()

    def isatty(self) -> bool:
        return threading.get_ident() not in _writers and bool(self._original.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _In:
    """Standard input: empty for a statement, which must not wait; the usual one elsewhere."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def _ours(self) -> bool:
        return threading.get_ident() in _writers

    def close(self) -> None:
        """A statement does not close descriptor 0 of the process, which ``exit()`` would."""
        if not self._ours():
            self._original.close()

    def readline(self, size: int = -1) -> str:
        return "" if self._ours() else str(self._original.readline(size))

    def read(self, size: int = -1) -> str:
        return "" if self._ours() else str(self._original.read(size))

    def __iter__(self) -> Iterator[str]:
        return iter(()) if self._ours() else iter(self._original)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _Show:
    """The display hook."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __call__(self, value: Any) -> None:
        _shows.get(threading.get_ident(), self._original)(value)


@contextmanager
def borrowed(write: Write, show: Callable[[Any], None]) -> Iterator[None]:
    """Let what this thread prints go to *write*, and values of expressions to *show*."""
    me = threading.get_ident()
    with _lock:
        if not _writers:
            for name, switch in zip(_NAMES, (_In, _Out, _Out, _Show), strict=True):
                _originals[name] = getattr(sys, name)
                setattr(sys, name, switch(_originals[name]))
        _writers[me], _shows[me] = write, show
    try:
        yield
    finally:
        with _lock:
            del _writers[me], _shows[me]
            if not _writers:
                for name in _NAMES:
                    # somebody may have put something else there for good
                    if isinstance(getattr(sys, name), (_In, _Out, _Show)):
                        setattr(sys, name, _originals[name])
                _originals.clear()
