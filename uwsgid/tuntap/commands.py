"""What ``uwsgid tuntap …`` does: look into a running router from another process.

The router is found by the address of its statistics, the third word of ``tuntap-router`` or
``tuntap-router-stats``.  Nothing here needs Twisted, root, or the configuration.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import BinaryIO, Final, TextIO

from uwsgid.errors import UwsgidError
from uwsgid.tuntap import asking
from uwsgid.tuntap.capture import Filter
from uwsgid.tuntap.following import ENOUGH, LineSink, PcapngSink, Sink, follow

USAGE: Final = """\
usage: uwsgid tuntap top <stats address> [-d SECONDS] [-n TIMES | --once]
       uwsgid tuntap rules <stats address>
       uwsgid tuntap capture <stats address> [-w FILE] [-c COUNT] [FILTER …]

The stats address is the third word of tuntap-router, or tuntap-router-stats.

top      who sends how much through the router, again each second or every SECONDS, until q is
         pressed; so many TIMES, once, or where standard output is no terminal, as a plain table
rules    the chains of the router, with how much each rule has counted
capture  what crosses the router, and what becomes of it: a line for each packet, or with -w
         a pcapng file for Wireshark and tshark (- for standard output).  The filter is made of:
         host A, net N, port P, each with src or dst before it; tcp, udp, icmp, icmp6, proto X;
         ip, ip6; in, out; denied, dropped; not, and, or.  "snap 96" before all of it keeps the
         first 96 bytes of each packet.
"""

_NO_FILE: Final = ""


class UsageError(UwsgidError):
    """The words behind ``uwsgid tuntap`` make no sense."""


class Words:
    """The words of a command line, taken one by one.

    :param options: those that have a value.
    :param flags: those that have none.
    :ivar flags: those that were given.
    """

    def __init__(self, words: Sequence[str], options: Sequence[str] = (), flags: Sequence[str] = ()) -> None:
        self.plain: list[str] = []
        self.options: dict[str, str] = {}
        self.flags: set[str] = set()
        left = list(words)
        while left:
            word = left.pop(0)
            if word in options:
                if not left:
                    raise UsageError(f"{word} needs a value")
                self.options[word] = left.pop(0)
            elif word in flags:
                self.flags.add(word)
            elif word.startswith("-") and len(word) > 1:
                raise UsageError(f"the option {word} is not known")
            else:
                self.plain.append(word)
        if not self.plain:
            raise UsageError("the stats address of a router is missing")
        self.address = self.plain.pop(0)

    def number(self, name: str, default: float) -> float:
        """The value of an option that is a number, and not below 0."""
        text = self.options.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = -1
        if not 0 <= value < 1e9:
            raise UsageError(f"{name} needs a number, got {text!r}")
        return value

    def no_more(self) -> None:
        """All words are taken."""
        if self.plain:
            raise UsageError(f"{self.plain[0]!r} means nothing here")


class Commands:
    """The commands, with what they read and write.

    :param out: where text goes.
    :param err: where complaints go.
    :param binary: where a pcapng stream goes that is wanted on standard output.
    """

    def __init__(
        self, out: TextIO, err: TextIO, binary: BinaryIO, *, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._out = out
        self._err = err
        self._binary = binary
        self._sleep = sleep

    def run(self, argv: Sequence[str]) -> int:
        """Do what the words say; the exit code."""
        table: dict[str, Callable[[Sequence[str]], int]] = {
            "top": self.top,
            "rules": self.rules,
            "capture": self.capture,
        }
        if not argv or argv[0] == "help" or not {"-h", "--help"}.isdisjoint(argv):
            self._out.write(USAGE)
            return 0 if argv else 2
        try:
            if argv[0] not in table:
                raise UsageError(f"{argv[0]!r} is no command; known are {', '.join(table)}")
            return table[argv[0]](argv[1:])
        except UsageError as error:
            self._err.write(f"uwsgid tuntap: {error}\n{USAGE}")
            return 2
        except BrokenPipeError:
            return 0  # whoever read this has seen enough
        except (UwsgidError, OSError) as error:
            self._err.write(f"uwsgid tuntap: {error}\n")
            return 1
        except KeyboardInterrupt:
            return 0

    def rules(self, words: Sequence[str]) -> int:
        """Print the chains."""
        from uwsgid.tuntap import showing

        taken = Words(words)
        taken.no_more()
        showing.write(self._out, showing.rules(asking.document(taken.address)))
        return 0

    def top(self, words: Sequence[str]) -> int:
        """Show the peers: live on a terminal, else once or as often as is said."""
        from uwsgid.tuntap import screen, showing

        taken = Words(words, ("-n", "-d"), ("--once",))
        taken.no_more()
        if "--once" in taken.flags and "-n" in taken.options:
            raise UsageError("--once is -n 1, and both were given")
        live = self._out.isatty() and not taken.flags and "-n" not in taken.options
        times, pause = int(taken.number("-n", 1)), taken.number("-d", 1.0)
        if live:
            screen.watch(lambda: asking.document(taken.address), self._out, pause)
            return 0
        shown = 0
        while True:
            showing.write(self._out, showing.top(asking.document(taken.address)))
            shown += 1
            if shown == times:
                return 0
            self._sleep(max(pause, screen.LEAST_PAUSE))

    def capture(self, words: Sequence[str]) -> int:
        """Follow a capture until it ends, or is interrupted."""
        taken = Words(words, ("-w", "-c"))
        text, most = " ".join(taken.plain), int(taken.number("-c", 0))
        try:
            filter = Filter(text)
        except ValueError as error:
            raise UsageError(str(error)) from None
        target = taken.options.get("-w", _NO_FILE)
        if target == "-" and self._binary.isatty():
            raise UsageError("a pcapng stream is no text for a terminal; give -w the name of a file")
        if target == _NO_FILE:
            if not filter.snap:
                text = f"snap {ENOUGH} {text}"
            stream = asking.capture(taken.address, text)
            count = self._follow(stream, lambda name: LineSink(self._write_text), most)
        elif target == "-":
            stream = asking.capture(taken.address, text)
            count = self._follow(stream, lambda name: PcapngSink(self._binary, name, filter.snap), most)
        else:
            # first, for what is in the file already is worth more than nothing.  Packets are nobody else's
            # business, so nobody else may read it
            with (
                closing(asking.capture(taken.address, text)) as stream,
                open(target, "wb", opener=_private) as file,
            ):
                count = self._follow(stream, lambda name: PcapngSink(file, name, filter.snap), most)
        self._err.write(f"{count} packets\n")
        return 0

    def _follow(self, stream: asking.Stream, begin: Callable[[str], Sink], most: int) -> int:
        def told(name: str) -> Sink:
            self._err.write(f"capturing what crosses {name}\n")
            self._err.flush()
            return begin(name)

        try:
            return follow(stream, told, most)
        finally:
            stream.close()

    def _write_text(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def main(argv: Sequence[str]) -> int:
    """Run a command line, without its ``uwsgid tuntap``; the exit code."""
    code = Commands(sys.stdout, sys.stderr, sys.stdout.buffer).run(argv)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # what is left is for nobody; without this Python would complain of it when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
