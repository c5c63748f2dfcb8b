"""Records on their way to the loggers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.grievances import Grievances
from uwsgid.logs.pipeline import NotKept, Outlet, PartlyKept, Pipeline, Sieve, Stage, remaining


class Notebook:
    """A logger that remembers what it was told, and can be broken."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.said: list[object] = []

    def write(self, records: Sequence[bytes]) -> None:
        if self.broken:
            raise OSError("full")
        self.said.append(b"".join(records))

    def reopen(self) -> None:
        self.said.append("reopen")

    def rotate(self) -> None:
        self.said.append("rotate")

    def check_size(self) -> None:
        self.said.append("check")

    def close(self) -> None:
        self.said.append("close")


class PipelineTests(SynchronousTestCase):
    def test_without_loggers_records_go_to_the_original(self) -> None:
        """The place the log had before takes the records as they came."""
        original = Notebook()
        Pipeline(original).accept([b"a\n", b"b"])
        self.assertEqual(original.said, [b"a\nb"])

    def test_each_logger_gets_every_record(self) -> None:
        """Two loggers keep the same, and the original nothing."""
        original, one, two = Notebook(), Notebook(), Notebook()
        Pipeline(original, [one, two]).accept([b"a\n"])
        self.assertEqual((original.said, one.said, two.said), ([], [b"a\n"], [b"a\n"]))

    def test_what_a_logger_can_not_keep_goes_to_the_original(self) -> None:
        """A full disk behind one logger loses no record, and one behind all raises nothing."""
        original = Notebook()
        Pipeline(original, [Notebook(broken=True)]).accept([b"a\n"])
        self.assertEqual(original.said, [b"a\n"])
        Pipeline(Notebook(broken=True)).accept([b"a\n"])

    def test_what_the_original_could_not_keep_is_told(self) -> None:
        """Records that nobody could keep are counted, and the log says how many as soon as it can."""
        original = Notebook(broken=True)
        pipeline = Pipeline(original)
        pipeline.accept([b"a\n", b"b\n"])
        pipeline.complain()
        pipeline.accept([b"c\n"])
        pipeline.complain()
        original.broken = False
        pipeline.complain()
        pipeline.complain()
        self.assertEqual(original.said, [b"[log] 2 records lost: full\n", b"[log] 1 record lost: full\n"])

    def test_what_was_kept_in_part(self) -> None:
        """Only the records that a logger could not keep go to the original."""

        class Small(Notebook):
            def write(self, records: Sequence[bytes]) -> None:
                raise PartlyKept(OSError(28, "full"), 2)

        original = Notebook()
        Pipeline(original, [Small()]).accept([b"a\n", b"b\n", b"c\n"])
        self.assertEqual(original.said, [b"c\n"])

    def test_orders_reach_all(self) -> None:
        """Reopen, rotate, check and close go to every logger."""
        original, one = Notebook(), Notebook()
        pipeline = Pipeline(original, [one])
        for order in (pipeline.reopen, pipeline.rotate, pipeline.check_size, pipeline.close):
            order()
        self.assertEqual(original.said, ["reopen", "rotate", "check", "close"])
        self.assertEqual(one.said, original.said)

    def test_the_unhappy_are_counted(self) -> None:
        """What a logger could not keep is said once, when it is time."""
        original = Notebook()
        pipeline = Pipeline(original, [Outlet(Notebook(broken=True), label="logger shop")])
        pipeline.accept([b"a\n"])
        pipeline.accept([b"b\n", b"c\n"])
        pipeline.complain()
        pipeline.complain()
        self.assertEqual(
            original.said,
            [b"a\n", b"b\nc\n", b"[logger shop] 3 records written to the original log: full\n"],
        )

    def test_loggers_beside(self) -> None:
        """Loggers that get no record from here hear all orders."""
        beside = Notebook()
        pipeline = Pipeline(Notebook(), beside=[beside])
        pipeline.accept([b"a"])
        pipeline.reopen()
        self.assertEqual(beside.said, ["reopen"])

    def test_a_broken_logger_of_somebody_ends_nothing(self) -> None:
        """Whatever a logger raises, the records go to the original log."""

        class Odd(Notebook):
            def write(self, records: Sequence[bytes]) -> None:
                raise ZeroDivisionError("odd")

        original = Notebook()
        Pipeline(original, [Odd()]).accept([b"a"])
        self.assertEqual(original.said, [b"a"])


class SieveTests(SynchronousTestCase):
    def pattern(self, text: bytes) -> re.Pattern[bytes]:
        return re.compile(text)

    def test_drains_come_before_filters(self) -> None:
        """A drained record is gone though a filter wants it; without filters everything else is kept."""
        sieve = Sieve(drains=(self.pattern(b"secret"),), filters=(self.pattern(b"^a"), self.pattern(b"^b")))
        kept = [record for record in (b"a", b"b", b"c", b"a secret") if sieve.keeps(record)]
        self.assertEqual(kept, [b"a", b"b"])
        self.assertTrue(Sieve(drains=(self.pattern(b"x"),)).keeps(b"c"))

    def test_routed_records_are_for_their_loggers_only(self) -> None:
        """Each route that matches gets the record, also twice for one logger, and nobody else does."""
        one, two, rest, original = Notebook(), Notebook(), Notebook(), Notebook()
        routes = (
            (self.pattern(b"x"), one),
            (self.pattern(b"y"), two),
            (self.pattern(b"^xy"), one),
        )
        pipeline = Pipeline(original, [rest], sieve=Sieve(routes=routes), beside=[one, two])
        pipeline.accept([b"x1 ", b"plain ", b"y2 ", b"xy3 ", b"x4 "])
        pipeline.accept([b"x5 "])
        self.assertEqual(one.said, [b"x1 xy3 xy3 x4 ", b"x5 "])
        self.assertEqual(two.said, [b"y2 xy3 "])
        self.assertEqual((rest.said, original.said), ([b"plain "], []))

    def test_a_route_that_fails(self) -> None:
        """What a logger of a route can not keep is in the original log, too."""
        original = Notebook()
        broken = Notebook(broken=True)
        pipeline = Pipeline(original, sieve=Sieve(routes=((self.pattern(b"x"), broken),)))
        pipeline.accept([b"x", b"y"])
        self.assertEqual(original.said, [b"x", b"y"])


def once(record: bytes) -> bytes:
    return record if record == b"bad" else b"1" + record


def seal(record: bytes) -> bytes:
    if record == b"bad":
        raise ValueError("no key")
    return b"<" + record + b">"


class OutletTests(SynchronousTestCase):
    def test_encoders_in_their_order(self) -> None:
        """What one makes of a record is what the next one gets."""
        notebook = Notebook()
        stages = [Stage("one", lambda record: b"1" + record), Stage("two", lambda record: b"2" + record)]
        Outlet(notebook, stages).write([b"a", b"b"])
        self.assertEqual(notebook.said, [b"21a21b"])

    def test_an_encoder_that_fails_leaves_the_record(self) -> None:
        """The others go on with what it was given, and the failure is counted."""

        def fail(record: bytes) -> bytes:
            raise ValueError("no")

        notebook, grievances = Notebook(), Grievances()
        outlet = Outlet(
            notebook,
            [
                Stage("one", lambda record: b"1" + record),
                Stage("bad", fail),
                Stage("two", lambda record: record + b"2"),
            ],
            grievances=grievances,
        )
        outlet.write([b"a", b"b"])
        self.assertEqual(notebook.said, [b"1a21b2"])
        self.assertEqual(grievances.tell(), [b"[log-encoder bad] 2 records left unencoded: no\n"])

    def test_what_can_not_be_sealed_is_dropped(self) -> None:
        """It goes to nobody, and is counted; what comes before and after it is kept."""
        notebook, grievances = Notebook(), Grievances()
        outlet = Outlet(
            notebook, [Stage("one", once), Stage("aead", seal, is_seal=True)], grievances=grievances
        )
        outlet.write([b"a", b"bad", b"b", b"bad"])
        self.assertEqual(notebook.said, [b"<1a><1b>"])
        outlet.write([b"bad"])
        self.assertEqual(len(notebook.said), 1)
        self.assertEqual(
            grievances.tell(), [b"[log-encoder aead] 3 records dropped rather than left unsealed: no key\n"]
        )

    def test_what_was_sealed_and_not_kept(self) -> None:
        """Those are told that could have been kept, by their places among all."""
        records = [b"bad", b"a", b"bad", b"b", b"c"]
        for error, left in (
            (OSError("full"), [b"a", b"b", b"c"]),
            (PartlyKept(OSError(28, "full"), 1), [b"b", b"c"]),
            (NotKept("full", (0, 2)), [b"a", b"c"]),
            (PartlyKept(OSError(28, "full"), 3), []),
        ):

            def refuse(records: Sequence[bytes], error: OSError = error) -> None:
                raise error

            notebook = Notebook()
            self.patch(notebook, "write", refuse)
            outlet = Outlet(notebook, [Stage("aead", seal, is_seal=True)])
            with self.assertRaises(NotKept) as raised:
                outlet.write(records)
            self.assertEqual(list(remaining(raised.exception, records)), left)
            self.assertIn("full", str(raised.exception))

    def test_the_fallback_of_a_logger(self) -> None:
        """What a logger can not keep goes to its own fallback, and not past it to the original log."""
        original, last, grievances = Notebook(), Notebook(), Grievances()
        fallback = Outlet(last, [Stage("aead", seal, is_seal=True)], grievances=grievances)
        broken = Outlet(Notebook(broken=True), label="logger shop", fallback=fallback)
        pipeline = Pipeline(original, [broken], grievances=grievances)
        pipeline.accept([b"a", b"b"])
        self.assertEqual((last.said, original.said), ([b"<a><b>"], []))
        last.broken = True
        pipeline.accept([b"c", b"bad"])
        self.assertEqual(original.said, [])
        self.assertEqual(
            grievances.tell(),
            [
                b"[logger shop] 4 records written to the original log: full\n",
                b"[log-encoder aead] 1 record dropped rather than left unsealed: no key\n",
                b"[log] 1 record lost: full\n",
            ],
        )

    def test_orders_pass(self) -> None:
        """The logger behind it hears all orders."""
        notebook = Notebook()
        outlet = Outlet(notebook)
        for order in (outlet.reopen, outlet.rotate, outlet.check_size, outlet.close):
            order()
        self.assertEqual(notebook.said, ["reopen", "rotate", "check", "close"])
