"""Files that hold a process id: written at start, read by ``--stop``, ``--reload`` and ``--pause``."""

from __future__ import annotations

from collections.abc import Callable

from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.calls import attempt, refused
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]


def write_pidfile(kernel: IKernel, path: str, say: Say, pid: int | None = None) -> None:
    """Write our process id and a newline to *path*.

    :param pid: another process id, of whom stands for us.
    :raises KernelError: where the file can not be written.
    """
    say(f"writing pidfile to {path}")
    content = b"%d\n" % (kernel.getpid() if pid is None else pid)
    attempt("open()", path, lambda: kernel.write_file(path, content, 0o644))


def read_pidfile(kernel: IKernel, path: str) -> int:
    """The process id in *path*.

    uWSGI reads text that is no number as 0, which signals its own process group (core/utils.c,
    uwsgi_read_pidfile); here it is refused.

    :raises KernelError: where the file can not be read.
    :raises ConfigError: where it holds no process id.
    """
    text = attempt("open()", path, lambda: kernel.read_file(path)).decode(errors="replace").strip()
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ConfigError(f"error: invalid pidfile {path}: it holds {text[:20]!r} and no process id")
    return int(text)


def signal_pidfile(kernel: IKernel, path: str, number: int) -> int:
    """Send a signal to the process that *path* names.

    :return: its process id.
    :raises KernelError: where the file can not be read, or where the process is gone.
    :raises ConfigError: where the file holds no process id.
    """
    pid = read_pidfile(kernel, path)
    try:
        kernel.kill(pid, number)
    except OSError as error:
        raise KernelError(f"kill(): {error.strerror} [pid {pid} of {path}]") from None
    return pid


def remove_pidfile(kernel: IKernel, path: str, label: str, say: Say) -> None:
    """Remove *path* at exit, and say so in uWSGI's words; *label* is ``pidfile`` or ``pidfile2``."""
    try:
        kernel.unlink(path)
    except FileNotFoundError:
        return
    except PermissionError:
        say(f"{label} {path} stays: its folder belongs to another user")
        return
    except OSError as error:
        say(str(refused("unlink()", error, path)))
        return
    say(f"VACUUM: {label} removed.")
