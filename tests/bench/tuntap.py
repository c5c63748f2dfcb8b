"""What the TunTap router moves, beside its peers: ``make bench-tuntap``.

Each contestant connects two network namespaces, and iperf3 and ping run between them: the kernel's own veth,
uWSGI's C router and client (Debian's package), slirp4netns, pasta, and uwsgid with a handed-over device.  All
are up at the same time and are asked in turns; each round starts them anew, and so does a measurement whose
contestant does not survive it, which uWSGI's pair often does not.  Routers and what answers in H live on core
0, what asks in V on core 1.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from tests.bench.harness import ROUNDS, BenchError
from tests.bench.traffic import loaded_pings, pings, tcp, udp
from tests.bench.verdict import Bar, report, table
from tests.bench.wires import Wire, idle_peers, pasta, slirp, uwsgi, uwsgid, veth

RULES: Final = (1, 10, 100)
PEERS: Final = (1, 50, 200)

#: How often a measurement is begun that its contestant does not survive.
ATTEMPTS: Final = 4

Found = TypeVar("Found")
Maker = Callable[[], AbstractContextManager[Wire]]


@dataclass(slots=True)
class Figures:
    """The rounds of one contestant; what stalled counts as nothing moved."""

    out: list[float] = field(default_factory=list)  #: Gbit/s from V to H
    back: list[float] = field(default_factory=list)
    retransmits: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  #: ms of the router for one Gbit
    small: list[float] = field(default_factory=list)  #: delivered UDP packets/s of 64 bytes
    large: list[float] = field(default_factory=list)  #: of 1200 bytes
    idle: list[float] = field(default_factory=list)  #: ms there and back
    loaded: list[float] = field(default_factory=list)
    deaths: int = 0

    def told(self) -> dict[str, float]:
        """Medians."""
        return {
            "gbit_out": median(self.out),
            "gbit_back": median(self.back),
            "retransmits": median(self.retransmits),
            "cpu_ms_per_gbit": median(self.cpu),
            "udp64_per_second": median(self.small),
            "udp1200_per_second": median(self.large),
            "rtt_p50_ms": median(self.idle),
            "rtt_p99_ms": percentile(self.idle, 0.99),
            "rtt_loaded_p50_ms": median(self.loaded),
            "rtt_loaded_p99_ms": percentile(self.loaded, 0.99),
            "deaths": float(self.deaths),
        }


def median(values: Sequence[float]) -> float:
    """0 where there are none."""
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], part: float) -> float:
    """0 where there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


class Contestant:
    """A wire that is made anew when it breaks."""

    def __init__(self, make: Maker, found: dict[str, Figures]) -> None:
        self._make = make
        self._stack = ExitStack()
        self.wire = self._stack.enter_context(make())
        self.figures = found.setdefault(self.wire.name, Figures())

    def close(self) -> None:
        """Take it down."""
        self._stack.close()

    def ask(self, measure: Callable[[Wire], Found]) -> Found:
        """What *measure* finds; repeated with a new wire where this one does not survive it."""
        for _ in range(ATTEMPTS):
            found = measure(self.wire)
            if self.wire.is_alive():
                break
            self.figures.deaths += 1
            self._stack.close()
            self.wire = self._stack.enter_context(self._make())
        return found

    def round(self) -> None:
        """Measure everything once."""
        figures = self.figures
        rate, retransmits, cpu = self.ask(tcp)
        figures.out.append(rate)
        figures.retransmits.append(retransmits)
        figures.cpu.append(cpu)
        figures.back.append(self.ask(lambda wire: tcp(wire, "-R"))[0])
        figures.small.append(self.ask(lambda wire: udp(wire, 64)))
        figures.large.append(self.ask(lambda wire: udp(wire, 1200)))
        figures.idle += self.ask(pings)
        figures.loaded += self.ask(loaded_pings)


def compare(makers: Sequence[Maker]) -> dict[str, Figures]:
    """Ask all of them in turns."""
    found: dict[str, Figures] = {}
    for number in range(ROUNDS):
        with ExitStack() as stack:
            contestants = [stack.enter_context(closing(Contestant(make, found))) for make in makers]
            for contestant in contestants if number % 2 == 0 else reversed(contestants):
                contestant.round()
        print(f"round {number + 1} of {ROUNDS} done", flush=True)
    return found


def firewall(rules: int) -> str:
    """So many rules each way; the last one lets the traffic through."""
    lines = []
    for way in ("in", "out"):
        for number in range(rules - 1):
            lines.append(f"tuntap-router-firewall-{way} = deny 10.{number}.0.0/16 10.0.0.0/8")
        lines.append(f"tuntap-router-firewall-{way} = allow 192.168.77.0/24 192.168.77.0/24")
    return "\n".join(lines)


def by_rules() -> dict[int, float]:
    """Gbit/s from V to H by the number of rules each way."""
    with ExitStack() as stack:
        wires = {
            count: stack.enter_context(uwsgid(firewall(count), f"uwsgid, {count} rules")) for count in RULES
        }
        return _rates(wires)


def by_peers() -> dict[int, float]:
    """Gbit/s of one of so many attached devices; the others are silent."""
    with ExitStack() as stack:
        wires = {}
        for count in PEERS:
            wire = wires[count] = stack.enter_context(uwsgid(name=f"uwsgid, {count} peers"))
            stack.enter_context(idle_peers(wire, count - 1))
        return _rates(wires)


def _rates(wires: dict[int, Wire]) -> dict[int, float]:
    found: dict[int, list[float]] = {count: [] for count in wires}
    for number in range(ROUNDS):
        for count in wires if number % 2 == 0 else reversed(wires):
            found[count].append(tcp(wires[count])[0])
    return {count: round(median(rates), 3) for count, rates in found.items()}


def main(parts: list[str]) -> int:
    """Run all parts, or those that are named: ``wires``, ``rules``, ``peers``."""
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    if not parts or "wires" in parts:
        found = compare((veth, uwsgi, partial(slirp, 1500), partial(slirp, 65520), pasta, uwsgid))
        figures["wires"] = told = {name: one.told() for name, one in found.items()}
        head = [
            "",
            "TCP out, back (Gbit/s)",
            "retransmits",
            "router ms/Gbit",
            "UDP 64, 1200 bytes (packets/s)",
            "RTT p50, p99 (ms)",
            "under load",
            "deaths",
        ]
        rows = [
            [
                name,
                f"{one['gbit_out']:.2f}, {one['gbit_back']:.2f}",
                f"{one['retransmits']:,.0f}",
                f"{one['cpu_ms_per_gbit']:.1f}",
                f"{one['udp64_per_second']:,.0f}, {one['udp1200_per_second']:,.0f}",
                f"{one['rtt_p50_ms']:.3f}, {one['rtt_p99_ms']:.3f}",
                f"{one['rtt_loaded_p50_ms']:.3f}, {one['rtt_loaded_p99_ms']:.3f}",
                f"{one['deaths']:.0f}",
            ]
            for name, one in told.items()
        ]
        print("\n" + table(head, rows))
        bars += _bars(told["uwsgid"], told["uWSGI"], told["veth"])
    for part, measure, what in (("rules", by_rules, "rules"), ("peers", by_peers, "peers")):
        if not parts or part in parts:
            rates = measure()
            figures[part] = rates
            counts = list(rates)
            print("\n" + table([what, "Gbit/s"], [[str(count), f"{rates[count]:.2f}"] for count in counts]))
            share = rates[counts[-1]] / rates[counts[0]] if rates[counts[0]] else 0.0
            bars.append(Bar(f"{counts[-1]} {what} beside {counts[0]}", share, 0.9, at_least=True))
    return report("tuntap", figures, bars)


def _bars(ours: dict[str, float], theirs: dict[str, float], kernel: dict[str, float]) -> list[Bar]:
    """:raises BenchError: uWSGI's pair did not live to be compared with."""
    if not all(theirs[name] for name in ("udp64_per_second", "udp1200_per_second", "rtt_p50_ms")):
        raise BenchError("uWSGI's router or client died in most rounds: there is nothing to compare with")
    bars = []
    for way in ("out", "back"):
        gbit = ours[f"gbit_{way}"]
        # what stalled altogether counts as a hundredth of a Gbit/s
        their = max(theirs[f"gbit_{way}"], 0.01)
        bars.append(Bar(f"TCP {way} beside uWSGI's", gbit / their, 12, at_least=True))
        bars.append(Bar(f"TCP {way} beside veth", gbit / kernel[f"gbit_{way}"], 0.30, at_least=True))
    for size in (64, 1200):
        packets, their = ours[f"udp{size}_per_second"], theirs[f"udp{size}_per_second"]
        bars.append(Bar(f"UDP of {size} bytes beside uWSGI's", packets / their, 1.0, at_least=True))
    bars.append(Bar("RTT p50 beside uWSGI's", ours["rtt_p50_ms"] / theirs["rtt_p50_ms"], 1.5))
    return bars


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        sys.exit(str(error))
