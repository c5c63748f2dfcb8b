"""One way to be a plugin: a named family of interchangeable parts.

A family is declared in `uwsgid.families`, a member registers itself beside its own code::

    @protocols.member("uwsgi")
    class Uwsgi:
        \"\"\"Packets of length-prefixed variables.\"\"\"

and whoever needs it asks ``protocols["uwsgi"]``.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from zope.interface import Interface
from zope.interface.verify import verifyClass

from uwsgid.errors import InternalError, UnknownMember

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Member(Generic[T]):
    """A part under its name.

    :ivar summary: the first paragraph of the part's docstring, its entry in the manual.
    """

    name: str
    part: T
    aliases: tuple[str, ...]
    summary: str


class Registry(Generic[T]):
    """A family: names and aliases to parts.

    :param family: what one member is called in messages, for example ``"protocol"``.
    :param contract: the zope interface that each class of the family implements; None where parts
        are plain functions.
    """

    def __init__(self, family: str, contract: type[Interface] | None = None) -> None:
        self.family = family
        self._contract: Any = contract
        self._members: dict[str, Member[T]] = {}
        self._names: dict[str, str] = {}
        self._promised: dict[str, str] = {}

    def promise(self, module: str, *names: str) -> None:
        """Say that importing *module* registers *names*, which happens when somebody asks for one of them.

        For parts that few need and that are dear to import.  Who goes through all members does not see them
        before they came; `names` tells of both.
        """
        for name in names:
            self._promised[name] = module

    def names(self) -> tuple[str, ...]:
        """All names and aliases, those of promised members too, sorted."""
        return tuple(sorted({*self._names, *self._promised}))

    def member(self, name: str, *aliases: str) -> Callable[[T], T]:
        """Register the decorated class or function as *name* (and *aliases*).

        :raises InternalError: when the name is taken by another part.
        :raises zope.interface.Invalid: when a class does not fulfil the family's interface.
        """

        def register(part: T) -> T:
            if self._contract is not None and inspect.isclass(part):
                verifyClass(self._contract, part)
            doc = inspect.getdoc(part) or ""
            entry = Member(name, part, aliases, doc.split("\n\n", 1)[0].replace("\n", " "))
            for key in (name, *aliases):
                if key in self._names:
                    raise InternalError(f"two members of the family {self.family!r} are called {key!r}")
                self._names[key] = name
            self._members[name] = entry
            return part

        return register

    def __getitem__(self, name: str) -> T:
        """The part called *name*.

        :raises UnknownMember: with the nearest names, when there is none.
        """
        if name not in self._names and name in self._promised:
            importlib.import_module(self._promised[name])
        try:
            return self._members[self._names[name]].part
        except KeyError:
            near = difflib.get_close_matches(name, self.names(), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(self.names())}"
            raise UnknownMember(f"there is no {self.family} called {name!r}", hint) from None

    def __contains__(self, name: str) -> bool:
        return name in self._names or name in self._promised

    def __iter__(self) -> Iterator[Member[T]]:
        """The members, in the order they registered."""
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._members)
