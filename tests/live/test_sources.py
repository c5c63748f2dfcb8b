"""Configurations that are no files: standard input, a descriptor, a command, a package, the program."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import sys
import zipapp
from collections.abc import Sequence
from pathlib import Path

from tests.live.daemon import Daemon
from tests.live.support import ROOT, SERVER, SPAWNED, LiveCase, server_command, uwsgi_fetch


class SourceTests(LiveCase):
    """Each serves the probe."""

    def config(self) -> str:
        return "[uwsgi]\n" + self.probe_config(workers=1)

    def serves(
        self, *command: str, environ: dict[str, str] | None = None, pass_fds: Sequence[int] = ()
    ) -> Daemon:
        """Start a command, and expect an answer of the probe."""
        pythonpath = os.pathsep.join([str(ROOT), str(self.folder)])
        daemon = self.run_daemon(
            command, environ={"PYTHONPATH": pythonpath, **(environ or {})}, pass_fds=pass_fds
        )
        daemon.wait_for(SPAWNED)
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/empty").status, 204)
        return daemon

    def test_standard_input(self) -> None:
        """``--ini -`` reads it once, and a reload does not need it again."""
        (self.folder / "typed").write_text(self.config())
        words = ["/bin/sh", "-c", f'exec "$@" < {self.path("typed")}', "sh", *server_command(SERVER)]
        daemon = self.serves(*words, "--ini", "-")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(SPAWNED, count=2)
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/empty").status, 204)

    def test_descriptor(self) -> None:
        """``fd://N`` reads an inherited descriptor."""
        (self.folder / "inherited").write_text(self.config())
        with open(self.folder / "inherited") as file:
            self.serves(*server_command(SERVER), "--ini", f"fd://{file.fileno()}", pass_fds=[file.fileno()])

    def test_command(self) -> None:
        """``exec://`` reads what a command prints."""
        (self.folder / "printed").write_text(self.config())
        self.serves(*server_command(SERVER), "--ini", f"exec://cat {self.path('printed')}")

    def test_package(self) -> None:
        """``sym://PACKAGE/FILE`` reads a file of an installed package."""
        package = self.folder / "shopconf"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "site.ini").write_text(self.config())
        self.serves(*server_command(SERVER), "--ini", "sym://shopconf/site.ini")

    def test_function(self) -> None:
        """``call://MODULE:FUNCTION`` takes what a function returns."""
        (self.folder / "shopcall.py").write_text(f"def config():\n    return {self.config()!r}\n")
        self.serves(*server_command(SERVER), "--ini", "call://shopcall:config")

    def test_program(self) -> None:
        """``data://0`` is what was appended to the program last: here to one in a single file."""
        source = self.folder / "program"
        source.mkdir()
        (source / "__main__.py").write_text("from uwsgid.__main__ import main\nmain()\n")
        program = Path(self.path("shopd"))
        zipapp.create_archive(source, program, interpreter=sys.executable)
        shutil.rmtree(source)
        with program.open("ab") as file:
            for blob in (b"[uwsgi]\nproceses = 1\n", self.config().encode()):
                file.write(blob + struct.pack("<Q", len(blob)))
        self.serves(sys.executable, str(program), "--ini", "data://0")
        check = self.run_daemon(
            [sys.executable, str(program), "check", "--ini", "data://1"], environ={"PYTHONPATH": str(ROOT)}
        )
        self.assertNotEqual(check.wait(), 0)
        self.assertEqual(check.seen("data://1:2: proceses: no such option"), 1, check.log())

    def test_what_is_not_there(self) -> None:
        """Each is refused with one line that names it, and status 1."""
        for uri, reason in (
            ("data://0", "invalid binary data slot requested"),
            ("sym://shop", "no such resource"),
            ("section://shop", "not available in this build"),
            ("call://no_such_module:f", "ModuleNotFoundError"),
            ("emperor://shop", "this is not a vassal instance"),
            ("fd://1000", "Bad file descriptor"),
        ):
            daemon = self.run_daemon(
                [*server_command(SERVER), "--ini", uri], environ={"PYTHONPATH": str(ROOT)}
            )
            self.assertEqual(daemon.wait(), 1, daemon.log())
            self.assertEqual(daemon.seen(f"unable to read {uri}: .*{reason}"), 1, daemon.log())
