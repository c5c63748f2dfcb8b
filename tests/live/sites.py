"""A site with static files, and an application beside them."""

from __future__ import annotations

import gzip
import hashlib
import os
from typing import Final

from tests.live.support import Daemon, LiveCase, free_port

APP: Final = """
def application(environ, start_response):
    body = ("app " + environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"]).encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""


MIME: Final = "text/html html\ntext/css css\ntext/plain txt\napplication/json json\n"

#: Seconds since the epoch at which all files of the tree were changed.
CHANGED: Final = 1_600_000_000
MODIFIED: Final = "Sun, 13 Sep 2020 12:26:40 GMT"
SECRET: Final = "the secret that nobody may read"

#: A size that no socket buffer takes at once.
LARGE: Final = 16 << 20


class StaticCase(LiveCase):
    """A tree of files in the folder of the test."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = self.folder.resolve()
        self.www = self.folder / "www"
        (self.folder / "app.py").write_text(APP)
        (self.folder / "types").write_text(MIME)
        (self.folder / "secret.txt").write_text(SECRET)
        for name, text in {
            "page.html": "<p>page",
            "site.css": "body {}",
            "plain.txt": "text",
            "noext": "no extension",
            "unknown.xyz": "unknown",
            "UPPER.TXT": "upper case",
            "empty.txt": "",
            "code.py": "print()",
            "a b.txt": "a space",
            "sub/index.html": "<p>index",
            "sub/deep/file.txt": "deep",
            "none/file.txt": "no index here",
        }.items():
            path = self.www / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.www / "site.css.gz").write_bytes(gzip.compress(b"body {}", mtime=0))
        (self.folder / "www-secret").mkdir()
        (self.folder / "www-secret" / "file.txt").write_text(SECRET)
        (self.folder / "shared").mkdir()
        (self.folder / "shared" / "logo.txt").write_text("shared logo")
        (self.www / "near.txt").symlink_to("sub/deep/file.txt")
        (self.www / "folder").symlink_to("sub")
        (self.www / "escape.txt").symlink_to("../secret.txt")
        (self.www / "logo.txt").symlink_to("../shared/logo.txt")
        (self.folder / "link").symlink_to("www")
        self.date()

    def date(self) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (CHANGED, CHANGED))

    def large(self, name: str = "large.bin", size: int = LARGE) -> bytes:
        """A file that takes a while; its digest."""
        content = os.urandom(1 << 20) * (size >> 20)
        (self.www / name).write_bytes(content)
        return hashlib.sha256(content).digest()

    def config(self, more: str = "static-map = /s=@/www") -> str:
        return (
            f"wsgi-file = {self.path('app.py')}\nneed-app = true\nmaster = true\nprocesses = 1\n"
            f"mimefile = {self.path('types')}\nchmod-socket = 666\n" + more.replace("@", str(self.folder))
        )

    def alone(self, more: str = "static-map = /s=@/www", **options: object) -> tuple[Daemon, tuple[str, int]]:
        """A server whose HTTP socket clients reach themselves."""
        port = free_port()
        text = self.config(f"http-socket = 127.0.0.1:{port}\n{more}")
        return self.serve(text, **options), ("127.0.0.1", port)  # type: ignore[arg-type]
