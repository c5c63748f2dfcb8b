"""Makes ``uwsgid/_names.py`` anew, the names that a vassal uses: ``python -m tests.bench.names``.

A vassal of the least kind is forked and answers a request, while each of its processes writes down what code
it runs.  Names that more of its processes use come first, and those of the same ones stand together.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

from tests.bench.harness import APPS, PATIENCE, BenchError, answers

TARGET: Final = Path(__file__).parents[2] / "uwsgid" / "_names.py"
_HEAD: Final = TARGET.read_text().partition('_TEXT: Final = """\\\n')[0] + '_TEXT: Final = """\\\n'
_TAIL: Final = '"""\n\nNAMES: Final = tuple(map(sys.intern, _TEXT.split()))\n'
_WIDTH: Final = 110


def record(descriptor: int) -> None:
    """Have this process and its children write to *descriptor* which names the code uses that they run."""
    seen: set[tuple[int, CodeType]] = set()

    def called(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        pid = os.getpid()
        if event == "call" and (pid, code) not in seen:
            seen.add((pid, code))
            os.write(descriptor, f"{pid} {' '.join(code.co_names)}\n".encode())

    sys.setprofile(called)


def be_vassal(config: str, descriptor: int) -> None:
    """What the child process of `main` does."""
    from uwsgid.loops.late_tls import load_reactor

    load_reactor()

    from uwsgid.door.command import decide
    from uwsgid.door.service import observer
    from uwsgid.door.vassal import live

    observer()
    decide(["--ini", config], {})
    if os.fork() == 0:
        record(descriptor)
        live(["--ini", config], dict(os.environ))
    signal.pause()


def main() -> int:
    """Run a vassal, and write down the names."""
    with tempfile.TemporaryDirectory() as folder:
        address, config, found = (Path(folder) / name for name in ("socket", "vassal.ini", "found"))
        config.write_text(f"[uwsgi]\nsocket = {address}\nwsgi-file = {APPS / 'hello.py'}\n")
        with found.open("ab") as file:
            command = [sys.executable, "-m", "tests.bench.names", str(config), str(file.fileno())]
            process = subprocess.Popen(
                command, pass_fds=[file.fileno()], start_new_session=True, stdout=subprocess.DEVNULL
            )
            limit = time.monotonic() + PATIENCE
            while not (address.exists() and answers(str(address))):
                if time.monotonic() > limit:
                    raise BenchError("the vassal does not answer")
                time.sleep(0.05)
            time.sleep(2)  # what the master does from time to time
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        users: dict[str, set[str]] = defaultdict(set)
        for line in found.read_text().splitlines():
            pid, *names = line.split(" ")
            for name in names:
                users[name].add(pid)
    names = sorted(
        filter(str.isidentifier, users), key=lambda name: (-len(users[name]), sorted(users[name]), name)
    )
    TARGET.write_text(_HEAD + "\n".join(textwrap.wrap(" ".join(names), _WIDTH)) + "\n" + _TAIL)
    return 0


if __name__ == "__main__":
    if sys.argv[1:]:
        be_vassal(sys.argv[1], int(sys.argv[2]))
    sys.exit(main())
