"""Descriptors that outlive the process image: devices and sockets that a reload must not close.

A reload executes uwsgid again (`uwsgid.master.reexec`).  A tun device lives exactly as long as its
descriptor, and with it go its addresses and routes; so whoever opens one keeps it here, under a name that
the next image asks for.  Listening sockets of workers have their own way, `uwsgid.host.inherit`, since they
may also come from systemd.

The variable `VARIABLE` carries the numbers.  Its first line is our process id, which an exec does not change:
whoever finds the variable and is somebody else got it by accident.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Final

from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.host.binding import Listener

#: our process id, then one line for each descriptor: number and key
VARIABLE: Final = "UWSGID_KEPT"


class Kept:
    """Descriptors by key.  A key is a text without line breaks, such as ``tun emperor0``.

    :ivar has_outlived: somebody took over what our former self had kept.
    :ivar shared: the shared sockets of the instance by their numbers, for whoever asks for ``=N``.
    """

    def __init__(self, kernel: IKernel) -> None:
        self._kernel = kernel
        self._kept: dict[str, int] = {}
        self._inherited: dict[str, int] = {}
        self.has_outlived = False
        self.shared: Mapping[int, Listener] = {}

    @classmethod
    def inherited(cls, kernel: IKernel, environ: MutableMapping[str, str]) -> Kept:
        """What our former self left.  The variable is taken out of *environ*, so that no child finds it."""
        kept = cls(kernel)
        text = environ.pop(VARIABLE, "")
        for fd, key in parse_kept(text, kernel.getpid()):
            try:
                kernel.set_inheritable(fd, False)
            except OSError:
                continue  # it is not open
            kept._inherited[key] = fd
        return kept

    def get(self, key: str) -> int | None:
        """The descriptor that was kept under *key*, here or by our former self; None where there is none.

        Whoever asks for one of our former self has it from then on; it is kept further.
        """
        fd = self._inherited.pop(key, None)
        if fd is not None:
            self._kept[key] = fd
            self.has_outlived = True
        return self._kept.get(key)

    def own(self, key: str) -> int | None:
        """The descriptor that was kept under *key* here, and not by our former self alone."""
        return self._kept.get(key)

    def keep(self, key: str, fd: int) -> None:
        """Keep *fd* under *key*.  It closes on exec of anything else than our next image."""
        self._kept[key] = fd

    def forget(self, key: str) -> None:
        """Keep what stands under *key* no longer; closing it is the caller's."""
        self._kept.pop(key, None)

    def descriptors(self) -> tuple[int, ...]:
        """All that is kept."""
        return tuple(self._kept.values())

    def close_unclaimed(self) -> None:
        """Close what our former self kept and nobody asked for, since the configuration no longer has it."""
        for fd in self._inherited.values():
            self._kernel.close(fd)
        self._inherited.clear()

    def close_all(self) -> None:
        """Close everything, in a child that has no use for it."""
        for fd in self._kept.values():
            self._kernel.close(fd)
        self._kept.clear()

    def close_others(self, prefix: str) -> None:
        """Close everything whose key does not begin with *prefix*, in a child that has no use for it."""
        for key in [key for key in self._kept if not key.startswith(prefix)]:
            self._kernel.close(self._kept.pop(key))

    def leave_behind(self, environ: MutableMapping[str, str]) -> None:
        """Let everything survive the coming exec, and write into *environ* what it is."""
        if not self._kept:
            return
        lines = [str(self._kernel.getpid())]
        for key, fd in self._kept.items():
            self._kernel.set_inheritable(fd, True)
            lines.append(f"{fd} {key}")
        environ[VARIABLE] = "\n".join(lines)


def parse_kept(text: str, pid: int) -> list[tuple[int, str]]:
    """Descriptor and key of each line of `VARIABLE`; nothing where it was not written by *pid*.  Pure."""
    first, *lines = text.split("\n")
    found: list[tuple[int, str]] = []
    if first == str(pid):
        for line in lines:
            number, _, key = line.partition(" ")
            if number.isascii() and number.isdecimal() and key:
                found.append((int(number), key))
    return found
