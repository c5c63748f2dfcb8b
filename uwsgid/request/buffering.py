"""``post-buffering``: a body that is read before the application runs, and can be read again.

Below the size that the option names it stays in memory; from there on it lies in a file without a name, so
that large uploads cost no memory and leave nothing behind, however the worker ends.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from typing import IO

from uwsgid.request.body import PIECE_MAX, Body


class BufferedBody:
    """A body that was read before the application ran (``post-buffering``), in memory or a nameless file."""

    __slots__ = ("_file", "length")

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self.length = length

    def read(self, size: int | None = -1) -> bytes:
        """*size* bytes, fewer only at the end; all that remain where it is None or less than 1."""
        return self._file.read(-1 if size is None or size <= 0 else size)

    def read_now(self, most: int) -> bytes:
        """Up to *most* bytes, none at the end."""
        return self._file.read(most)

    def readline(self, size: int | None = -1) -> bytes:
        """The next line with its end, or *size* bytes of it where it is longer."""
        return self._file.readline(-1 if size is None or size <= 0 else size)

    def readlines(self, hint: int | None = None) -> list[bytes]:
        """All lines that remain, or enough of them to pass *hint* bytes."""
        return self._file.readlines(-1 if hint is None else hint)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)

    def __next__(self) -> bytes:
        return next(self._file)

    def fileno(self) -> int:
        """The descriptor of the temporary file.

        :raises OSError: the body is in memory.
        """
        return self._file.fileno()

    def tell(self) -> int:
        """The position, in bytes."""
        return self._file.tell()

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to another place of the body, as in any file.

        :raises OSError: there is no such place.
        """
        try:
            place = self._file.seek(position, whence)
        except (OSError, ValueError):
            raise OSError("invalid seek position for wsgi.input") from None
        if place > self.length:
            self._file.seek(self.length)
            raise OSError("invalid seek position for wsgi.input")
        return place

    def close(self) -> None:
        """Give its memory or its file back."""
        self._file.close()


def buffered(body: Body, threshold: int, bufsize: int) -> BufferedBody:
    """Read all of *body*: into memory below *threshold* bytes, else into a file without a name.

    :raises BodyError: as `Body.read`.
    :raises OSError: there is no room for the file.
    """
    bufsize = min(bufsize, PIECE_MAX)  # more would fill memory with what is on its way to a file
    length = body.length
    file: IO[bytes] = nameless_file() if length is not None and length >= threshold else io.BytesIO()
    total = 0
    try:
        while data := body.read(bufsize):
            total += len(data)
            if length is None and total >= threshold and isinstance(file, io.BytesIO):
                memory, file = file, nameless_file()
                file.write(memory.getvalue())
            file.write(data)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return BufferedBody(file, total)


def nameless_file() -> IO[bytes]:
    """An open file that no directory knows, of mode 0600, in ``$TMPDIR`` or ``/tmp``.

    ``O_TMPFILE`` where kernel and file system have it; elsewhere a file that loses its name at once.  (uWSGI
    1.9.16 forgot the mode argument of ``O_TMPFILE``, core/utils.c.)

    :raises OSError: there is no such directory, or no room.
    """
    directory = os.environ.get("TMPDIR") or "/tmp"
    try:
        fd = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        fd, path = tempfile.mkstemp(prefix="uwsgi", dir=directory)
        os.unlink(path)
    return os.fdopen(fd, "w+b")


def how_buffered() -> str:
    """How `nameless_file` makes its files here, for the log at start."""
    directory = os.environ.get("TMPDIR") or "/tmp"
    try:
        os.close(os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        return (
            f"request bodies are buffered in {directory}, in files that are unlinked at once "
            f"(O_TMPFILE: {error.strerror})"
        )
    return f"request bodies are buffered in {directory}, in files that never have a name (O_TMPFILE)"
