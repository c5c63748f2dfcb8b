"""Records on their way to the loggers."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.pipeline import PartlyKept, Pipeline


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
