"""Loggers that write to what is open already."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import loggers
from uwsgid.logs.loggers.descriptor import NumberedDescriptor, StandardOutput


class DescriptorTests(SynchronousTestCase):
    def pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        for end in ends:
            self.addCleanup(os.close, end)
        return ends

    def test_writes_to_the_number(self) -> None:
        """fd:N writes there, by a descriptor of its own."""
        reader, writer = self.pipe()
        logger = NumberedDescriptor.from_argument(str(writer), settings_of())
        self.assertNotEqual(logger.descriptor, writer)
        logger.write([b"a\n", b"b"])
        logger.close()
        self.assertEqual(os.read(reader, 100), b"a\nb")
        os.write(writer, b"still open")

    def test_only_numbers(self) -> None:
        """What is no number is refused by its name."""
        for argument in ("", "x", "-1", "3 "):
            with self.assertRaisesRegex(ConfigError, "expected the number of an open descriptor"):
                NumberedDescriptor.from_argument(argument, settings_of())

    def test_nothing_open(self) -> None:
        """A number behind which there is nothing is a matter of the system."""
        reader, writer = os.pipe()
        os.close(reader)
        os.close(writer)
        with self.assertRaisesRegex(KernelError, f"can not log to descriptor {writer}: Bad file descriptor"):
            NumberedDescriptor.from_argument(str(writer), settings_of())

    def test_standard_output(self) -> None:
        """stdio is descriptor 1 as it is now, whatever becomes of that later."""
        logger = StandardOutput.from_argument("", settings_of())
        self.addCleanup(logger.close)
        self.assertTrue(os.path.sameopenfile(logger.descriptor, 1))

    def test_members(self) -> None:
        """Both are found under uWSGI's names, and may wait for whoever reads."""
        self.assertIs(loggers["fd"], NumberedDescriptor)
        self.assertIs(loggers["stdio"], StandardOutput)
        self.assertTrue(NumberedDescriptor.SLOW and StandardOutput.SLOW)
