"""Several applications in one instance, and what becomes of the one that does not load."""

from __future__ import annotations

import shutil

from tests.live.support import APPS, LiveCase, fetch


class MountTests(LiveCase):
    """Mounts whose targets are of all kinds, and one that does not load."""

    def test_targets(self) -> None:
        """A file, a file with its callable and a module answer; for the one that failed nobody does."""
        (self.folder / "shop.py").write_text(
            "def reply(text):\n"
            "    def app(environ, start_response):\n"
            "        start_response('200 OK', [])\n"
            "        return [text]\n"
            "    return app\n"
            "application, app = reply(b'application'), reply(b'app')\n"
        )
        shutil.copy(APPS / "probe.py", self.folder / "root.py")
        shop = self.path("shop.py")
        daemon = self.serve(
            f"http-socket = {self.path('http.sock')}\nwsgi-file = {self.path('root.py')}\n"
            f"pythonpath = {self.folder}\nmanage-script-name = true\nmount = /file={shop}\n"
            f"mount = /named={shop}:app\nmount = /module=shop:app\nmount = /failed=shop:nothing\n"
        )
        for path, status, body in (
            ("/file/a", 200, b"application"),
            ("/named/a", 200, b"app"),
            ("/module", 200, b"app"),
            ("/failed/a", 500, b"Internal Server Error"),
            ("/empty", 204, b""),
        ):
            answer = fetch(self.path("http.sock"), path)
            self.assertEqual((answer.status, answer.body), (status, body), path)
        daemon.wait_for("GET /empty ")  # the log line of a request comes after its answer
        self.assertEqual(daemon.seen("no python application found"), 1, daemon.log())
        self.assertEqual(
            daemon.seen(r'unable to find "nothing" callable .*callable = app or application$'), 1
        )
