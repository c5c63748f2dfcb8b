"""A declaration of an option is all there is."""

from __future__ import annotations

import dataclasses

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.kinds import FLAG, SECONDS, Flag, Seconds
from uwsgid.config.section import Section, declared_sections, flag, option, section
from uwsgid.config.settings import settings_of
from uwsgid.errors import InternalError


@section("Test", listed=False)
class Example(Section):
    """An example."""

    timeout: Seconds = option("harakiri", "t", "kara", default=3, help="how long", note="a note")
    maybe: Seconds | None = option("maybe-seconds", default=None, help="how long, if at all")
    loud: Flag = flag("loud", default=False, help="how", also={"louder": "more so"}, implies=("master",))


@section("Test", listed=False)
class Twin(Section):
    """With the same values."""

    timeout: Seconds = option("other", default=3, help="how long")
    maybe: Seconds | None = option("others", default=None, help="how long, if at all")
    loud: Flag = flag("loudly", default=False, help="how")


class SectionTests(SynchronousTestCase):
    def test_options(self) -> None:
        """The options of a section are read from its fields."""
        timeout, maybe, loud = Example.options
        self.assertEqual((timeout.names, timeout.letters), (("harakiri", "kara"), ("t",)))
        self.assertEqual((timeout.kind, timeout.field, timeout.section), (SECONDS, "timeout", "Test"))
        self.assertEqual((timeout.note, timeout.help), ("a note", "how long"))
        self.assertIs(maybe.kind, SECONDS)
        self.assertEqual(
            (loud.kind, loud.implies, list(loud.spellings())), (FLAG, ("master",), ["loud", "louder"])
        )

    def test_frozen(self) -> None:
        """A section is a frozen value with the defaults that were declared."""
        example = Example()
        self.assertEqual((example.timeout, example.maybe, example.loud), (3, None, False))
        self.assertRaises(dataclasses.FrozenInstanceError, setattr, example, "timeout", 4)
        self.assertRaises(dataclasses.FrozenInstanceError, delattr, example, "timeout")

    def test_unknown_field(self) -> None:
        """A section has the fields that were declared, and no other."""
        with self.assertRaisesRegex(TypeError, "Example has no quiet"):
            Example(**{"quiet": True})

    def test_a_value(self) -> None:
        """Equal sections have the same type and the same values; what is shown tells both."""
        self.assertEqual(Example(timeout=4), Example(timeout=4))
        self.assertEqual(hash(Example(timeout=4)), hash(Example(timeout=4)))
        self.assertNotEqual(Example(timeout=4), Example())
        self.assertNotEqual(Example(), Twin())
        self.assertEqual(repr(Example(loud=True)), "Example(timeout=3, maybe=None, loud=True)")
        self.assertEqual(dataclasses.replace(Example(), timeout=5).timeout, 5)

    def test_checks_nothing(self) -> None:
        """A section without a check finds nothing wrong."""
        self.assertEqual(list(Example().check(settings_of())), [])

    def test_unlisted(self) -> None:
        """A section of a test is not among those of the house."""
        self.assertNotIn(Example, declared_sections())

    def test_needs_a_kind(self) -> None:
        """A field whose type has no kind is a mistake of ours."""

        class Bare(Section):
            """No kind."""

            timeout: int = option("bare", default=0, help="how long")

        self.assertRaises(InternalError, section("Test", listed=False), Bare)
