"""The keys that may log in."""

from __future__ import annotations

import base64
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.authorized import find_key, fingerprint

BLOB = b"\x00\x00\x00\x0bssh-ed25519" + b"k" * 36
TEXT = base64.b64encode(BLOB).decode()


class KeysTests(SynchronousTestCase):
    def find(self, content: str, blob: bytes = BLOB) -> str | None:
        path = Path(self.mktemp())
        path.write_text(content)
        return find_key(str(path), blob, self.fail)

    def test_there(self) -> None:
        """A key is found by what it is, wherever it stands."""
        self.assertEqual(
            self.find(f"# ours\n\nssh-rsa AAAA x\n  ssh-ed25519 {TEXT} alice of sales \n"), "alice of sales"
        )
        self.assertEqual(self.find(f"ssh-ed25519 {TEXT}"), "")

    def test_not_there(self) -> None:
        """Another key, a comment, and nonsense are no key."""
        for content in (
            "",
            f"#ssh-ed25519 {TEXT}",
            "ssh-ed25519",
            "ssh-ed25519 !!!",
            f"ssh-ed25519 {TEXT[:-4]}",
        ):
            self.assertIsNone(self.find(content), content)
        self.assertIsNone(self.find(f"ssh-ed25519 {TEXT}", b"another"))

    def test_restricted(self) -> None:
        """A key with options does not work without them."""
        for options in ('from="10.0.0.1"', 'command="ls"', "no-pty", "cert-authority"):
            self.assertIsNone(self.find(f"{options} ssh-ed25519 {TEXT} alice"))

    def test_no_file(self) -> None:
        """Where the file is not there nobody comes in, and the log says so."""
        said: list[str] = []
        self.assertIsNone(find_key("/nonexistent/keys", BLOB, said.append))
        self.assertEqual(
            said, ["manhole-keys: No such file or directory [/nonexistent/keys]; nobody can log in"]
        )

    def test_fingerprint(self) -> None:
        """It is the one that ssh-keygen prints."""
        self.assertEqual(fingerprint(b""), "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")
