"""Load for what is measured: wrk asks one URL, and contestants are asked in turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.harness import (
    LOAD_CORE,
    ROUNDS,
    SECONDS,
    BenchError,
    Instance,
    pinned,
    program,
)

_WRK_DONE: Final = """
done = function(summary, latency, requests)
    io.stdout:write(string.format('{"requests": %d, "microseconds": %d, "bytes": %d, "status": %d, '
        .. '"connect": %d, "read": %d, "write": %d, "timeout": %d, "p50": %d, "p99": %d}\\n',
        summary.requests, summary.duration, summary.bytes, summary.errors.status, summary.errors.connect,
        summary.errors.read, summary.errors.write, summary.errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
"""

#: The least bytes of a request line.
_REQUEST_LINE: Final = 80


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What wrk counted."""

    requests: int
    seconds: float
    bytes: int
    bad_answers: int
    p50: float
    p99: float


def wrk(
    url: str,
    *,
    connections: int,
    body: int = 0,
    seconds: float = SECONDS,
    headers: Sequence[str] = (),
) -> LoadResult:
    """Ask one URL from core 1 for a while.

    :param body: how many bytes to POST with each request; 0 asks with GET.
    :param headers: further lines of each request.
    :raises BenchError: nothing was answered.
    """
    script = _WRK_DONE
    if body:
        script = f'wrk.method = "POST"\nwrk.body = string.rep("x", {body})\n' + script
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        # wrk counts whole seconds; a fraction is for trying out and becomes one
        duration = f"{max(1, round(seconds))}s"
        output = subprocess.run(
            [
                *(program("wrk"), "-t1", f"-c{connections}", f"-d{duration}", "-s", file.name),
                *(word for header in headers for word in ("-H", header)),
                url,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=pinned(LOAD_CORE),
        ).stdout
    told = json.loads(output.strip().splitlines()[-1])
    if not told["requests"]:
        raise BenchError(f"{url} answered nothing:\n{output}")
    return LoadResult(
        requests=told["requests"],
        seconds=told["microseconds"] / 1e6,
        bytes=told["bytes"],
        bad_answers=told["status"],
        p50=told["p50"] / 1000,
        p99=told["p99"] / 1000,
    )


@dataclass(slots=True)
class Samples:
    """The rounds of one contestant in one case."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests per second, median."""
        return statistics.median(self.rates)

    @property
    def cpu_us(self) -> float:
        """Microseconds of the worker per request, median."""
        return statistics.median(self.cpu)

    def figures(self) -> dict[str, float]:
        return {
            "requests_per_second": round(self.rate, 1),
            "cpu_us_per_request": round(self.cpu_us, 2),
            "p99_ms": round(statistics.median(self.p99), 3),
        }


def measure(
    instances: Mapping[str, Instance],
    urls: Mapping[str, str],
    samples: Mapping[str, Samples],
    *,
    connections: int,
    body: int = 0,
) -> None:
    """Load the contestants in turns, `ROUNDS` times, after a warm-up that does not count.

    :param samples: get the rounds, by contestant.
    :raises BenchError: a contestant answered with an error status.
    """
    logged = {name: instance.log_bytes() for name, instance in instances.items()}
    answered = dict.fromkeys(instances, 0)
    for url in urls.values():
        wrk(url, connections=connections, body=body, seconds=1)
    for number in range(ROUNDS):
        names = list(instances)
        for name in names if number % 2 == 0 else reversed(names):
            before = instances[name].worker_nanoseconds()
            result = wrk(urls[name], connections=connections, body=body)
            spent = instances[name].worker_nanoseconds() - before
            if result.bad_answers:
                raise BenchError(f"{name} gave {result.bad_answers} answers that are errors")
            samples[name].rates.append(result.requests / result.seconds)
            samples[name].cpu.append(spent / 1000 / result.requests)
            samples[name].p99.append(result.p99)
            answered[name] += result.requests
    for name, instance in instances.items():
        if instance.log_bytes() - logged[name] < 0.9 * answered[name] * _REQUEST_LINE:
            raise BenchError(f"{name} did not write a line for each request, so it had less to do")
