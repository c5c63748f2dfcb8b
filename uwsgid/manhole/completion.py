"""What a line can go on with: names, attributes and keys, found without running anything but look-ups."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: The end of a line that can be completed: a name, or names, attributes and constant keys with a dot behind.
_END: Final = re.compile(
    r"""(?:(?P<whole>[^\W\d]\w*(?:\.[^\W\d]\w*|\[\d+\]|\['[^'\\]*'\]|\["[^"\\]*"\])*)\.)?(?P<begun>\w*)$"""
)
_STEP: Final = re.compile(r"""\.([^\W\d]\w*)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")
_MOST: Final = 500  #: candidates


@dataclass(frozen=True, slots=True)
class Completion:
    """How a line can go on.

    :ivar begun: what stands there already, the last characters of the line.
    :ivar candidates: what could stand there instead, sorted.
    """

    begun: str
    candidates: tuple[str, ...] = ()

    @property
    def common(self) -> str:
        """What all candidates begin with."""
        if not self.candidates:
            return self.begun
        first, last = min(self.candidates), max(self.candidates)
        size = next((at for at, letter in enumerate(first) if last[at : at + 1] != letter), len(first))
        return first[:size]


def complete(names: Mapping[str, Any], line: str) -> Completion:
    """How *line* can go on, where *names* are known.

    Attributes are looked up, which may run properties; nothing is called.
    """
    match = _END.search(line)
    assert match is not None, "the end of a line always matches"
    whole, begun = match["whole"], match["begun"]
    if whole is None:
        if line[: match.start()].endswith("."):
            return Completion(begun)
        known = {*names, *dir(builtins), *keyword.kwlist}
    else:
        try:
            known = set(dir(_look_up(names, whole)))
        except Exception:
            return Completion(begun)
    found = [name for name in known if name.startswith(begun) and (begun.startswith("_") or name[0] != "_")]
    return Completion(begun, tuple(sorted(found)[:_MOST]))


def _look_up(names: Mapping[str, Any], text: str) -> Any:
    first = re.match(r"\w+", text)
    assert first is not None
    found = names[first[0]] if first[0] in names else getattr(builtins, first[0])
    for attribute, index, single, double in _STEP.findall(text, first.end()):
        found = getattr(found, attribute) if attribute else found[int(index) if index else single or double]
    return found
