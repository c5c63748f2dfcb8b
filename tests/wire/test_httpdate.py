"""The dates of HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.wire.httpdate import http_date, parse_http_date


class DateTests(SynchronousTestCase):
    """What we say, and what we understand."""

    def test_the_example_of_the_rfc(self) -> None:
        """The date that RFC 9110 gives as its example."""
        self.assertEqual(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT")
        self.assertEqual(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777)

    def test_parts_of_a_second_are_dropped(self) -> None:
        """A file's time has nanoseconds, a header none."""
        self.assertEqual(http_date(784111777.9), http_date(784111777))

    def test_other_forms_are_no_dates(self) -> None:
        """Whatever is not the one form is None, and never an error."""
        for text in (
            "",
            "yesterday",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 36 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 28:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT; length=7",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT",
        ):
            self.assertIsNone(parse_http_date(text), text)

    @given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)))
    @settings(max_examples=200, deadline=None)
    def test_there_and_back(self, moment: datetime) -> None:
        """What we say is what we understand, to the second."""
        seconds = int(moment.replace(tzinfo=UTC).timestamp())
        self.assertEqual(parse_http_date(http_date(seconds)), seconds)
