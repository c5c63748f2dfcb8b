"""Lets atheris look for bytes that break a target: ``python -m tests.fuzz [target …] [--seconds N]``.

What was found interesting is kept in ``build/fuzz/<target>``, and the next run begins there.  Bytes that
break a target are left in ``build/fuzz/`` as ``<target>-crash-…``; ``python -m tests.fuzz <target> --only
FILE`` tries them again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

HERE: Final = Path("build/fuzz")
LONGEST: Final = 512  #: bytes of an input
#: Packages whose branches lead the search.
SEEN: Final = ["uwsgid.wire", "uwsgid.tuntap", "uwsgid.gateways", "uwsgid.languages", "uwsgid.logs.encoders"]
NAMES: Final = (
    "packets",
    "frames",
    "hellos",
    "captures",
    "uwsgi",
    "http",
    "fastcgi",
    "scgi",
    "proxy",
    "gateway",
    "answers",
    "cgi",
    "bridge",
    "crossing",
    "records",
    "sealed",
)


def main() -> int:
    """Fuzz the targets one after the other; 0 where none was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", choices=[*NAMES, []], help="all where none is given")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--only", default="", help="a file to try")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.targets or NAMES
    if given.inside:
        fuzz(names[0], given.seconds, given.only)
        return 0
    broken = [name for name in names if _run(name, given.seconds, given.only)]
    print(f"broken: {', '.join(broken)}" if broken else f"{', '.join(names)} held")
    return 1 if broken else 0


def _run(name: str, seconds: int, only: str) -> int:
    """A process of its own for each target: atheris ends the one that it runs in."""
    words = [sys.executable, "-m", "tests.fuzz", name, "--inside", "--seconds", str(seconds), "--only", only]
    return subprocess.run(words, timeout=seconds + 120).returncode


def fuzz(name: str, seconds: int, only: str) -> None:
    """Look for bytes that break a target.  Does not return."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=SEEN):
        targets = importlib.import_module("tests.fuzz.targets")
    corpus = HERE / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in targets.seeds(name):
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    words = [f"-max_len={LONGEST}", f"-max_total_time={seconds}", f"-artifact_prefix={HERE}/{name}-"]
    words += [only] if only else [str(corpus), "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *words], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
