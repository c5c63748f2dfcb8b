"""What emperor and vassal say to each other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis.strategies import binary
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.wire.vassal import CONFIG_HEADER, MAX_CONFIG, ToEmperor, ToVassal, config_size, pack_config


class Bytes(SynchronousTestCase):
    def test_numbers(self) -> None:
        """They are those of uWSGI (core/emperor.c)."""
        self.assertEqual([int(word) for word in ToVassal], [0, 1, 2])
        self.assertEqual([int(word) for word in ToEmperor], [1, 2, 5, 17, 22, 26, 30])


class Configurations(SynchronousTestCase):
    def test_chunk(self) -> None:
        """A uwsgi header with modifier 115 and a little-endian size, then the text."""
        self.assertEqual(pack_config(b"x" * 258), b"\x73\x02\x01\x00" + b"x" * 258)

    @settings(deadline=None, max_examples=50)
    @given(binary(min_size=1, max_size=70000))
    def test_round_trip(self, text: bytes) -> None:
        """What fits comes back; what does not is refused, where the size of uWSGI wraps."""
        if len(text) > MAX_CONFIG:
            with self.assertRaisesRegex(ValueError, "65535"):
                pack_config(text)
        else:
            chunk = pack_config(text)
            self.assertEqual(config_size(chunk[:CONFIG_HEADER]), len(text))
            self.assertEqual(chunk[CONFIG_HEADER:], text)

    def test_nonsense(self) -> None:
        """Another modifier, a short header and an empty configuration are none."""
        for header in (b"\0\1\0\0", b"\x73\1", b"\x73\0\0\0"):
            with self.assertRaises(PeerError):
                config_size(header)
