"""One line of configuration, and where it was written.

A configuration is a list of directives from the first source to the last flag.  Formats make them,
`uwsgid.config.logic` and `uwsgid.config.expand` rewrite lists of them, `uwsgid.config.settings` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a source.

    :ivar source: a path as it was given, ``command line``, ``environment``, …
    :ivar line: from 1; 0 where the source has no lines.
    """

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Directive:
    """``name = value`` from *origin*.

    :ivar value: the text; None where the name stood alone, as a bare flag of the command line does.
    """

    name: str
    value: str | None
    origin: Origin

    def with_value(self, value: str | None) -> Directive:
        """The same line with another value."""
        return replace(self, value=value)

    def __str__(self) -> str:
        return f"{self.name} = {self.value if self.value is not None else 'true'}"
