"""Apache's mod_fcgid, which starts its FastCGI servers itself and gives them their socket as descriptor 0."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from typing import Final

import psutil

from tests.live.fronts import EXAMPLES, LISTEN, apache_main
from tests.live.support import (
    APPS,
    ROOT,
    Daemon,
    LiveCase,
    fetch,
    find_program,
    free_port,
    is_leaving,
    requires,
    wait_until,
)
from tests.live.test_ordinary_user import BECOME_NOBODY

UPLOAD: Final = bytes(range(256)) * 1024


class FcgidTests(LiveCase):
    """What ``examples/fronts/apache-fcgid.conf``, ``shop.fcgi`` and ``fcgid.ini`` set up."""

    def test_site(self) -> None:
        """Apache starts the instance with the first request, and ends it with itself."""
        requires("apache2", "setpriv")
        # Apache has to be an ordinary user, and so has what it starts
        self.folder.chmod(0o777)
        self.write("fronts/shop.fcgi", "uwsgid /srv/shop", f"{sys.executable} -m uwsgid {self.folder}")
        self.write("fcgid.ini", "%dshop.py\ncallable = app", str(APPS / "probe.py"))
        (self.folder / "shop.fcgi").chmod(0o755)
        apache, port = self.apache()
        site = ("127.0.0.1", port)
        pids = {fetch(site, "/pid").body for _ in range(3)}
        self.assertEqual(len(pids), 1, pids)
        worker = psutil.Process(int(pids.pop()))
        for body in (UPLOAD, b""):
            answer = fetch(site, "/digest", method="POST", body=body)
            expected = f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()
            self.assertEqual((answer.status, answer.body), (200, expected))
        pieces = fetch(site, "/digest", method="POST", body=[b"first ", b"second"])
        self.assertEqual(pieces.body.split()[0], b"12")
        path = b'"PATH_INFO": "/env/a b"'
        self.assertIn(path, fetch(site, "/env/a%20b").body)
        self.assertEqual(len(fetch(site, "/large").body), 102400)
        self.assertEqual(fetch(site, "/large", method="HEAD").body, b"")
        self.assertEqual(fetch(site, "/missing").status, 404)
        apache.signal(signal.SIGTERM)
        apache.wait()
        wait_until(lambda: is_leaving(worker), "the worker")
        wait_until(lambda: not apache.survivors(), "the instance")

    def apache(self) -> tuple[Daemon, int]:
        """Start Apache; itself, and its port."""
        program = find_program("apache2")
        assert program is not None
        become = BECOME_NOBODY if os.geteuid() == 0 else ()
        log = self.folder / "error.log"
        for _ in range(5):
            port = free_port()
            self.write(
                "fronts/apache-fcgid.conf", "/srv/shop", str(self.folder), (LISTEN, f"127.0.0.1:{port}")
            )
            main = apache_main(
                self,
                (self.folder / "apache-fcgid.conf").read_text(),
                str(log),
                f"FcgidIPCDir {self.folder}",
                f"FcgidProcessTableFile {self.path('processes')}",
                f"FcgidInitialEnv PYTHONPATH {ROOT}",
                # so that the test finds what Apache might leave behind
                "FcgidInitialEnv UWSGID_LIVE_MARK ${UWSGID_LIVE_MARK}",
            )
            apache = self.run_daemon([*become, program, "-DFOREGROUND", "-f", main])

            def told(apache: Daemon = apache) -> str:
                if log.exists() and "resuming normal operations" in log.read_text():
                    return "ready"
                return "ended" if apache.process.poll() is not None else ""

            # another process may have taken the port since it was found free
            if wait_until(told, "Apache") == "ready":
                return apache, port
        raise AssertionError(f"no port stayed free:\n{apache.log()}")

    def write(self, example: str, old: str, new: str, *more: tuple[str, str]) -> None:
        """Copy an example into the folder, with other texts in it."""
        text = (EXAMPLES / example).read_text()
        for text_of, text_to in ((old, new), *more):
            self.assertIn(text_of, text)
            text = text.replace(text_of, text_to)
        (self.folder / example.rpartition("/")[2]).write_text(text)
