"""Makes ``uwsgid/_names.py`` and ``uwsgid/emperor/_functions.py`` anew: ``python -m tests.bench.names``.

An emperor has a vassal of the least kind, which answers a request, while each of its processes writes down
what code it runs.  What more of them use comes first, and what the same ones use stands together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from tests.bench.emperor import VASSAL
from tests.bench.harness import APPS, PATIENCE, BenchError, answers, end

ROOT: Final = Path(__file__).parents[2] / "uwsgid"
_TEXT: Final = '_TEXT: Final = """\\\n'
_WIDTH: Final = 108
_END: Final = '"""\n'
Users = dict[str, set[str]]


def record(descriptor: int) -> None:
    """Have this process and its children write to *descriptor* what code they run, and its names."""
    seen: set[tuple[int, CodeType]] = set()

    def called(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        pid = os.getpid()
        if event == "call" and (pid, code) not in seen:
            seen.add((pid, code))
            ours = code.co_filename.startswith((str(APPS), __file__))
            module = "" if ours else frame.f_globals.get("__name__", "")
            names = [*code.co_names, *filter(_is_name, code.co_consts)]
            os.write(descriptor, f"{pid} {module}:{code.co_qualname} {' '.join(names)}\n".encode())

    sys.setprofile(called)


def _is_name(thing: object) -> bool:
    """Whether Python has a constant only once in memory."""
    return isinstance(thing, str) and thing.isidentifier() and thing.isascii()


def be_emperor(config: str, found: str) -> None:
    """What the child process of `main` does."""
    from uwsgid.__main__ import main as run
    from uwsgid.loops.late_tls import load_reactor

    load_reactor()
    from uwsgid.emperor import nest

    module: Any = nest
    serve = module.serve_births

    def serve_births(*arguments: object) -> None:
        record(os.open(found, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
        serve(*arguments)

    module.serve_births = serve_births
    sys.argv = ["uwsgid", "--ini", config]
    run()


def main() -> int:
    """Run a vassal, and write down what it uses."""
    with tempfile.TemporaryDirectory() as folder:
        address, config, found = (Path(folder) / name for name in ("socket", "emperor.ini", "found"))
        vassals = Path(folder) / "vassals"
        vassals.mkdir()
        (vassals / "vassal.ini").write_text(VASSAL.format(socket=address))
        config.write_text(f"[uwsgi]\nemperor = {vassals}\n")
        command = [sys.executable, "-m", "tests.bench.names", str(config), str(found)]
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
        try:
            limit = time.monotonic() + PATIENCE
            while not (address.exists() and answers(str(address))):
                if time.monotonic() > limit:
                    raise BenchError("the vassal does not answer")
                time.sleep(0.05)
            time.sleep(2)  # what the master does from time to time
        finally:
            end(process)
        users: Users = defaultdict(set)
        functions: Users = defaultdict(set)
        for line in found.read_text().splitlines():
            pid, function, *names = line.split(" ")
            if not function.startswith((":", "<")) and "<module>" not in function:
                functions[function].add(pid)
            for name in filter(str.isidentifier, names):
                users[name].add(pid)
    _write(ROOT / "_names.py", textwrap.wrap(" ".join(_in_order(users)), _WIDTH))
    _write(ROOT / "emperor" / "_functions.py", _by_module(_in_order(functions)))
    return 0


def _in_order(users: Users) -> list[str]:
    """What is used, as it is to stand in memory."""
    return sorted(users, key=lambda name: (-len(users[name]), sorted(users[name]), name))


def _by_module(functions: Iterable[str]) -> Iterator[str]:
    """Lines of functions after their module."""
    pairs = (function.split(":", 1) for function in functions)
    for module, group in groupby(pairs, key=lambda pair: pair[0]):
        names = [name for _, name in group]
        yield from textwrap.wrap(
            " ".join(names), _WIDTH, initial_indent=f"{module}: ", subsequent_indent=f"{module}: ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def _write(target: Path, lines: Iterable[str]) -> None:
    head, _, rest = target.read_text().partition(_TEXT)
    target.write_text(head + _TEXT + "".join(f"{line}\n" for line in lines) + _END + rest.partition(_END)[2])


if __name__ == "__main__":
    if sys.argv[1:]:
        be_emperor(sys.argv[1], sys.argv[2])
    else:
        sys.exit(main())
