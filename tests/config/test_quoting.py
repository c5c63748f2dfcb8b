"""Arguments that may be quoted."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.quoting import first_word, words

PLAIN = st.text(st.characters(exclude_characters='" ', exclude_categories=["Cs"]), min_size=1)


class QuotingTests(SynchronousTestCase):
    def test_the_first_space_ends_an_argument(self) -> None:
        """What follows the first space is kept as it is, as in uWSGI."""
        self.assertEqual(first_word("/run/x a  b "), ("/run/x", "a  b "))
        self.assertEqual(first_word("/run/x"), ("/run/x", ""))
        self.assertEqual(first_word(" /run/x"), ("", "/run/x"))

    def test_quotes(self) -> None:
        """A path with blanks stands in quotes."""
        self.assertEqual(first_word('"/srv/my site" 755'), ("/srv/my site", "755"))
        self.assertEqual(words('none "/my distro" /ns  bind'), ["none", "/my distro", "/ns", "bind"])

    def test_bad_quotes(self) -> None:
        """A quote that is not closed, or that something clings to, is a mistake."""
        self.assertRaisesRegex(ValueError, "not closed", first_word, '"/srv/my site')
        self.assertRaisesRegex(ValueError, "a space has to follow", first_word, '"/srv"/site 1')

    @given(st.lists(PLAIN | st.just("a b") | st.just("")))
    @settings(deadline=None, max_examples=100)
    def test_words_come_back(self, given_words: list[str]) -> None:
        """Whatever was quoted where it needs to be is read as it was meant."""
        text = " ".join(f'"{word}"' if " " in word or not word else word for word in given_words)
        self.assertEqual(words(text), given_words)
