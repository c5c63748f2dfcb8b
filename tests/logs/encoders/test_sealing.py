"""aead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.logs.encoders import sealing
from uwsgid.logs.encoders.sealed import make_key
from uwsgid.logs.encoders.sealing import Sealer, aead
from uwsgid.logs.encoders.unsealing import Fault, Opened, Unsealer
from uwsgid.logs.outlets import registered

SECRET: Final = bytes.fromhex("8f1d7ac03be6925418f0c47d6b2ea9135fd8037b91e64c2ab07f15d3894ee260")
KEY: Final = make_key(SECRET, "it")


def opened(data: bytes) -> list[bytes]:
    """The records in *data*, which has no faults."""
    unsealer = Unsealer([KEY])
    found = unsealer.feed(data) + unsealer.finish()
    faults = [said.text for said in found if isinstance(said, Fault)]
    assert not faults, faults
    return [said.record for said in found if isinstance(said, Opened)]


class FormatTests(SynchronousTestCase):
    """What is documented is what is written."""

    def test_by_hand(self) -> None:
        """A record can be opened with nothing but the documentation and two standard algorithms."""
        for cipher, number, make in (("aes-256-gcm", 1, AESGCM), ("chacha20-poly1305", 2, ChaCha20Poly1305)):
            seal = aead(f"key={SECRET.hex()},cipher={cipher}")
            seal(b"first\n")
            made = seal(b"line\n")
            head, body = made[:38], made[38:]
            self.assertEqual(head[:6], bytes((1, number)) + len(body).to_bytes(4, "big"))
            self.assertEqual(head[6:14], KEY.id)
            self.assertEqual(head[30:], (1).to_bytes(8, "big"))
            info = b"uwsgid sealed log 1, cipher %d" % number
            key = HKDF(algorithm=SHA256(), length=32, salt=head[14:30], info=info).derive(SECRET)
            self.assertEqual(make(key).decrypt(bytes(4) + head[30:], body, head), b"line\n")

    def test_text(self) -> None:
        """As text a record is one line."""
        made = aead(f"key={SECRET.hex()},form=text")(b"two\nlines\n")
        self.assertEqual((made.count(b"\n"), made[-1:]), (1, b"\n"))
        self.assertTrue(made.isascii())
        self.assertEqual(opened(made), [b"two\nlines\n"])

    def test_nothing_shows(self) -> None:
        """Neither the record nor the key is in what is written, and equal records look different."""
        seal = aead(f"key={SECRET.hex()}")
        made = [seal(b"GET /secret\n" * 3) for _ in range(3)]
        self.assertEqual(len({data[38:] for data in made}), 3)
        self.assertFalse(any(b"secret" in data or SECRET[:4] in data for data in made))

    def test_order(self) -> None:
        """What comes out one after the other is read in that order, empty and long records too."""
        records = [b"", b"a\n", b"x" * 100_000, b"\0\1\2"]
        seal = aead(f"key={SECRET.hex()}")
        self.assertEqual(opened(b"".join(map(seal, records))), records)


class NonceTests(SynchronousTestCase):
    """No two records are ever encrypted with the same key and the same nonce."""

    def names(self, *records: bytes) -> list[tuple[bytes, bytes]]:
        """Sessions and numbers."""
        return [(data[14:30], data[30:38]) for data in records]

    def test_counted(self) -> None:
        """The numbers of a session go up by one."""
        seal = Sealer(KEY, 1)
        found = self.names(*(seal(b"x") for _ in range(5)))
        self.assertEqual([int.from_bytes(number, "big") for _, number in found], list(range(5)))
        self.assertEqual(len({session for session, _ in found}), 1)

    def test_restart(self) -> None:
        """Whoever begins anew, and each logger, has a session of its own."""
        found = self.names(*(Sealer(KEY, 1)(b"x") for _ in range(50)))
        self.assertEqual(len(set(found)), 50)

    def test_fork(self) -> None:
        """A child goes on in a session of its own, whoever forked it, and so do children of children."""
        seal = Sealer(KEY, 1)
        before = seal(b"x")
        read, write = os.pipe()
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                try:
                    os.write(write, seal(b"y"))
                    if (grandchild := os.fork()) == 0:
                        os.write(write, seal(b"y"))
                    else:
                        os.waitpid(grandchild, 0)
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)
        after = seal(b"x")
        os.close(write)
        with open(read, "rb") as pipe:
            data = pipe.read()
        size = len(data) // 4
        theirs = self.names(*(data[at : at + size] for at in range(0, 4 * size, size)))
        self.assertEqual(len({session for session, _ in theirs}), 4)
        ours = self.names(before, after)
        self.assertEqual(ours[0][0], ours[1][0])
        self.assertNotIn(ours[0][0], {session for session, _ in theirs})
        self.assertEqual(len(opened(before + data + after)), 6)

    def test_long_session(self) -> None:
        """A session ends before its numbers do."""
        self.patch(sealing, "MOST_RECORDS", 3)
        seal = Sealer(KEY, 2)
        found = self.names(*(seal(b"x") for _ in range(7)))
        self.assertEqual(len(set(found)), 7)
        self.assertEqual(len({session for session, _ in found}), 3)


class ArgumentTests(SynchronousTestCase):
    """What can stand behind aead."""

    def test_key_file(self) -> None:
        """The key comes from a file."""
        path = Path(self.mktemp())
        path.write_text(SECRET.hex())
        path.chmod(0o600)
        self.assertEqual(opened(aead(f"key-file={path}, cipher=chacha20-poly1305")(b"x")), [b"x"])

    def test_refused(self) -> None:
        """What can not be used is refused, with what can."""
        hexed = SECRET.hex()
        for arguments, why in (
            ("", "a key is needed, key-file=FILE"),
            (f"key={hexed},key-file=/x", "a key is needed"),
            ("key-file=/nowhere/key", "aead: the key file '/nowhere/key' can not be read"),
            ("key=secret", "aead: key= has to be 32 bytes"),
            ("key=" + "00" * 32, "aead: key= does not look as if chance had made it"),
            ("keyfile=/x", "'keyfile' means nothing here; did you mean key-file="),
            ("wrong", "known: key-file=, key=, cipher=, form="),
            (f"key={hexed},key={hexed}", "key= is there twice"),
            (f"key={hexed},cipher=aes-256-cbc", "no cipher called 'aes-256-cbc'; did you mean aes-256-gcm"),
            (f"key={hexed},cipher=bf", "known: aes-256-gcm, chacha20-poly1305"),
            (f"key={hexed},form=hex", "no form called 'hex'; known: binary, text"),
        ):
            with self.assertRaisesRegex(ConfigError, why):
                aead(arguments)

    def test_errors_show_no_key(self) -> None:
        """A key that was given without its name does not get into the log."""
        with self.assertRaises(ConfigError) as raised:
            aead(SECRET.hex())
        self.assertNotIn(SECRET.hex()[:24], str(raised.exception))

    def test_log_shows_no_key(self) -> None:
        """The line that tells of the encoder at the start has no key in it, but all the rest."""
        told = registered(settings_of(f"log-encoder = aead form=text,key={SECRET.hex()},cipher=aes-256-gcm"))
        self.assertEqual(list(told), ["[log-encoder] registered aead form=text,key=***,cipher=aes-256-gcm"])
