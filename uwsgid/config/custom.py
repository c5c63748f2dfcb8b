"""``declare-option``: options that a configuration makes for itself.

``declare-option = site=http-socket=:$1;wsgi-file=$2`` makes ``site = 8080 app.py`` mean two other lines.
uWSGI runs those behind the back of its list (core/config.c); here they are ordinary lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uwsgid.config.directive import Directive
from uwsgid.config.kinds import Takes
from uwsgid.errors import ConfigError

_ARGUMENT: Final = re.compile(r"\$([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class CustomOption:
    """One declaration."""

    name: str
    template: str

    @classmethod
    def declared(cls, directive: Directive) -> CustomOption:
        """What a ``declare-option`` line says.

        :raises ConfigError: where it has no ``=``.
        """
        name, equals, template = (directive.value or "").partition("=")
        if not equals or not name:
            raise ConfigError(f"invalid {directive.value} syntax, must be newoption=template")
        return cls(name, template)

    @property
    def takes(self) -> Takes:
        """Whether the option has a value on the command line: if its template uses one of the first three."""
        return Takes.VALUE if any(mark in self.template for mark in ("$1", "$2", "$3")) else Takes.NOTHING

    def lines(self, used: Directive) -> Iterator[Directive]:
        """What *used*, a directive of this name, stands for.

        An argument that was not given leaves its ``$N`` in place.

        :raises ConfigError: for an item of the template without ``=``.
        """
        arguments = [word for word in (used.value or "").split(" ") if word]
        for item in self.template.split(";"):
            if not item:
                continue
            name, equals, value = item.partition("=")
            if not equals or not name:
                raise ConfigError(
                    f"{used.name}: the item {item!r} of its declaration is not option=value; "
                    f"write {item}=true for a flag"
                )
            yield Directive(_fill(name, arguments), _fill(value, arguments), used.origin)


def _fill(text: str, arguments: list[str]) -> str:
    def argument(match: re.Match[str]) -> str:
        digits = match[1]
        for length in range(len(digits), 0, -1):  # $12 is the first argument and a 2 where there are fewer
            if int(digits[:length]) <= len(arguments):
                return arguments[int(digits[:length]) - 1] + digits[length:]
        return match[0]

    return _ARGUMENT.sub(argument, text)
