"""What a lone worker says of its sockets, and what its steward makes of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.addresses import Family
from uwsgid.host.binding import Listener
from uwsgid.steward.terms import Kept, describe, sockets_of
from uwsgid.wire.control import Terms, unpack

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), max_size=30)


class SocketTests(SynchronousTestCase):
    @given(st.lists(st.tuples(st.integers(0, 1 << 60), _TEXTS, _TEXTS), max_size=8))
    def test_round_trip(self, facts: list[tuple[int, str, str]]) -> None:
        """A steward knows each socket by the descriptor that came along in its place."""
        listeners = [
            Listener(number, "name", configured, 3 + number, Family.UNIX, path=path, inode=inode)
            for number, (inode, path, configured) in enumerate(facts)
        ]
        terms = unpack(Terms(60, 8, 1, describe(listeners)).pack())
        assert isinstance(terms, Terms)
        descriptors = range(20, 20 + len(facts))
        kept = [
            Kept(fd, path, inode, name) for fd, (inode, path, name) in zip(descriptors, facts, strict=True)
        ]
        self.assertEqual(sockets_of(terms, descriptors), kept)
