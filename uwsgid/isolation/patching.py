"""Becoming another program in the midst of a start: ``privileged-binary-patch`` and its kin.

The program gets the arguments of this one and its environment, and the sockets that are open by then: the
shared ones, and the line to an Emperor.  It must not go to the background.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from uwsgid.errors import KernelError
from uwsgid.host.calls import refused
from uwsgid.interfaces import IKernel

#: Lines of communication that an Emperor gave us, by the variables that name their descriptors.
_LINES: Final = ("UWSGI_EMPEROR_FD", "UWSGI_EMPEROR_FD_CONFIG", "UWSGI_EMPEROR_PROXY")


def become(
    kernel: IKernel,
    program: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    descriptors: Iterable[int],
    before: Callable[[], None],
) -> None:
    """Execute *program*, which is looked for in ``PATH`` where its name has no slash.

    :param arguments: with the name that it is called by.
    :param descriptors: what it inherits besides the standard streams.
    :param before: the last thing to do here.
    :raises KernelError: it can not be executed.
    """
    for descriptor in (*descriptors, *_given(environ)):
        try:
            kernel.set_inheritable(descriptor, True)
        except OSError:
            continue  # it is not open
    before()
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    problem = OSError(2, os.strerror(2))
    for path in _candidates(program, environ):
        try:
            kernel.execve(path, arguments, environ)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problem = error
    raise _failed(program, problem)


def _failed(program: str, error: OSError) -> KernelError:
    return refused("exec()", error, program)


def _candidates(program: str, environ: Mapping[str, str]) -> Iterable[str]:
    if "/" in program:
        return (program,)
    return (os.path.join(folder or ".", program) for folder in os.get_exec_path(environ))


def _given(environ: Mapping[str, str]) -> Iterable[int]:
    return (int(environ[name]) for name in _LINES if environ.get(name, "").isdecimal())
