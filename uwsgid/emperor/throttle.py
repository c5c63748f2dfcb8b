"""How long a vassal that behaves badly has to rest.  Pure: whoever asks says what time it is.

A vassal is loyal once it completed a request.  One that ends before that is put on the blacklist, where its
rest grows with each failure (core/emperor.c, uwsgi_emperor_blacklist_add); and those on the list start one
after the other, so that a hundred of them do not keep the machine busy.

uWSGI sleeps in its emperor at every start, meanwhile nobody is served, and mixes the units of its options:
here they are milliseconds, nobody sleeps, and who behaved well does not wait at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: The attempt of a vassal that is called unloyal, once.
BAD: Final = 2


@dataclass(slots=True)
class Item:
    """A vassal on the blacklist.

    :ivar rest: milliseconds that it rests after the last attempt.
    :ivar attempt: how often it failed, from 0.
    :ivar first: unix seconds of the first failure; *last* of the last one.
    """

    name: str
    rest: float
    attempt: int
    first: float
    last: float

    @property
    def due(self) -> float:
        """Unix seconds of its next chance."""
        return self.last + self.rest / 1000


class Blacklist:
    """The vassals that ended before they served anybody.

    :param throttle: ``emperor-throttle``, milliseconds.
    :param most: ``emperor-max-throttle``, milliseconds.
    """

    def __init__(self, throttle: int, most: int) -> None:
        self._throttle: Final = throttle
        self._most: Final = most
        self._items: dict[str, Item] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def get(self, name: str) -> Item | None:
        """What is noted of *name*."""
        return self._items.get(name)

    def failed(self, name: str, now: float) -> str:
        """*name* ended before it was loyal; what the log has to say to that, or nothing."""
        item = self._items.get(name)
        if item is None:
            # a thousandth of the option, so that the first failure counts for next to nothing
            self._items[name] = Item(name, self._throttle / 1000, 0, now, now)
            return ""
        item.last = now
        item.attempt += 1
        said = ""
        if item.rest < self._most:
            item.rest = min(item.rest + self._throttle, self._most)
            if item.attempt == BAD:
                said = f"[emperor] unloyal bad behaving vassal found: {name} throttling it..."
        else:
            said = f"[emperor] maximum throttle level for vassal {name} reached !!!"
            item.rest /= 2
        return said

    def due(self, name: str) -> float:
        """Unix seconds from which *name* may start; 0 for whoever is not on the list."""
        item = self._items.get(name)
        return item.due if item is not None else 0.0

    def encourage(self, name: str, now: float) -> None:
        """Its configuration changed: it rests no longer than after a first failure from now on."""
        item = self._items.get(name)
        if item is not None and item.due > now + self._throttle / 1000:
            item.rest = (now - item.last) * 1000 + self._throttle

    def forgive(self, name: str) -> None:
        """*name* is loyal, or will not come back."""
        self._items.pop(name, None)

    def forgive_all(self) -> None:
        """Forget everything."""
        self._items.clear()


class Queue:
    """Spreads the starts of those on the blacklist.

    :param throttle: ``emperor-throttle``, milliseconds; a tenth of it lies between two of these starts.
    """

    def __init__(self, throttle: int) -> None:
        self._gap: Final = throttle / 10 / 1000
        self._last = 0.0

    def next(self, now: float) -> float:
        """Unix seconds from which the next of them may start."""
        self._last = max(now, self._last + self._gap)
        return self._last
