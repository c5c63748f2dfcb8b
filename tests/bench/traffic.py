"""What crosses a wire between two namespaces: TCP, UDP and echoes, by iperf3 and ping."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any, Final

from tests.bench.harness import LOAD_CORE, SECONDS, SERVER_CORE, pinned
from tests.bench.wires import Wire, until


def iperf(wire: Wire, *options: str, seconds: float = SECONDS, port: int = 5201) -> dict[str, Any] | None:
    """One run of iperf3 from V to H; None where it stalled."""
    server = subprocess.Popen(
        [*wire.host.prefix, "iperf3", "--forceflush", "-s", "-1", "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=pinned(SERVER_CORE),
    )
    try:
        assert server.stdout is not None
        while b"listening" not in (line := server.stdout.readline()):
            if not line:
                return None  # it is gone
        client = [*wire.vassal.prefix, "iperf3", "-c", wire.address, "-p", str(port), "-J",
                  "-t", str(max(1, round(seconds))), *options]  # fmt: skip
        done = subprocess.run(
            client,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds + 8,
            preexec_fn=pinned(LOAD_CORE),
        )
        result: dict[str, Any] = json.loads(done.stdout)
        return None if "error" in result else result
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None
    finally:
        server.kill()
        server.wait()


def tcp(wire: Wire, *options: str, seconds: float = SECONDS) -> tuple[float, int, float]:
    """Gbit/s that arrived, retransmits, and the router's milliseconds for each Gbit."""
    before = wire.nanoseconds()
    result = iperf(wire, *options, seconds=seconds)
    spent = wire.nanoseconds() - before
    if result is None:
        return 0.0, 0, 0.0
    end = result["end"]
    received = end["sum_received"]
    gbits = received["bytes"] * 8 / 1e9
    return (
        received["bits_per_second"] / 1e9,
        end["sum_sent"].get("retransmits") or 0,
        spent / 1e6 / gbits if gbits else 0.0,
    )


def udp(wire: Wire, size: int) -> float:
    """Packets per second that arrived, of as many as could be sent."""
    result = iperf(wire, "-u", "-b", "0", "-l", str(size))
    if result is None:
        return 0.0
    total = result["end"]["sum"]
    return float((total["packets"] - total["lost_packets"]) / total["seconds"])


_TIME: Final = re.compile(r"time=([0-9.]+) ms")


def pings(wire: Wire, count: int = 200) -> list[float]:
    """Milliseconds there and back."""
    ping = ["ping", "-n", "-i", "0.005", "-c", str(count), "-W", "1", wire.address]
    text = wire.vassal.run("taskset", "-c", str(LOAD_CORE), *ping, check=False)
    return [float(found) for found in _TIME.findall(text)]


def loaded_pings(wire: Wire) -> list[float]:
    """The same while a TCP connection sends as fast as it can."""
    server = subprocess.Popen(
        [*wire.host.prefix, "iperf3", "-s", "-1", "-p", "5301"], stdout=subprocess.DEVNULL
    )
    client = None
    try:
        until(lambda: wire.host.succeeds("sh", "-c", "ss -ltn | grep -q :5301"), "iperf3 does not listen")
        client = subprocess.Popen(
            [*wire.vassal.prefix, "iperf3", "-c", wire.address, "-p", "5301", "-t", "10"],
            stdout=subprocess.DEVNULL,
            preexec_fn=pinned(LOAD_CORE),
        )
        time.sleep(0.3)
        return pings(wire, 100)
    finally:
        for process in (client, server):
            if process is not None:
                process.kill()
                process.wait()
