"""``$(ENV)``, ``@(file)`` and ``%(reference)`` in values, in uWSGI's order.

Three passes over the whole list (core/uwsgi.c): all environment variables first, then all files, then all
references, each of which may give text that the next one expands.
What is unknown stays as it is, which is why a ``log-format`` keeps its ``%(uri)``.

uWSGI goes on for ever where a value refers to itself; here that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from uwsgid.errors import ConfigError

#: Replacements in one value, and its length, after which it must be a mistake.
MOST_REPLACEMENTS: Final = 100
LONGEST: Final = 1 << 20
_PARENTHESIS: Final = re.compile(r"[()]")

#: What is inside the parentheses to its replacement; None leaves it in place.
Lookup = Callable[[str], str | None]


def expand(value: str, mark: str, lookup: Lookup) -> str:
    """*value* with each ``MARK(name)`` replaced.

    A replacement is looked at again, together with what stands before it.  Parentheses inside the name are
    counted; where the whole of such a name is unknown, the inner one is tried.

    :param mark: ``$``, ``@`` or ``%``.
    :raises ConfigError: ``recursive placeholder: NAME``, after 100 replacements.
    """
    opening = mark + "("
    replacements = 0
    closers = _closers(value)
    start = value.find(opening)
    while start >= 0:
        end = closers.get(start + 1, -1)
        name = value[start + 2 : end] if end >= 0 else ""
        found = lookup(name) if name else None
        if found is None:
            start = value.find(opening, start + 2)
            continue
        replacements += 1
        value = value[:start] + found + value[end + 1 :]
        if replacements > MOST_REPLACEMENTS or len(value) > LONGEST:
            raise ConfigError(f"recursive placeholder: {name}")
        closers = _closers(value)
        start = value.find(opening)
    return value


def _closers(value: str) -> dict[int, int]:
    """Where each parenthesis that opens is closed, if it is."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for match in _PARENTHESIS.finditer(value):
        if match[0] == "(":
            opened.append(match.start())
        elif opened:
            found[opened.pop()] = match.start()
    return found


def reference(name: str, lookup: Lookup) -> str | None:
    """What ``%(name)`` stands for.

    With a blank inside it is a calculation of uWSGI 2.0: words from left to right, digits are numbers,
    ``+ - * /`` say what happens with the next one, ``++`` and ``--`` count at once, anything else is a
    reference (nothing where it is unknown).  Two operands without an operator between them are joined.
    Numbers have 64 bits and a sign; a division by zero gives 0.
    """
    if " " not in name:
        return lookup(name)
    result = ""
    operator = ""
    for word in name.split():
        if word in ("++", "--"):
            result = _calculate(result, word[0], "1")
        elif word in ("+", "-", "*", "/"):
            operator = word
        else:
            operand = word if word.isascii() and word.isdigit() else lookup(word) or ""
            result = _calculate(result, operator, operand) if operator else result + operand
            operator = ""
    return result


def _calculate(left: str, operator: str, right: str) -> str:
    a, b = _number(left), _number(right)
    if operator == "+":
        result = a + b
    elif operator == "-":
        result = a - b
    elif operator == "*":
        result = a * b
    else:
        quotient = abs(a) // abs(b) if b else 0
        result = quotient if (a < 0) == (b < 0) else -quotient
    return str(_signed(result))


def _signed(number: int) -> int:
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _number(text: str) -> int:
    """The number that *text* starts with, as ``strtol`` reads it; 0 where there is none."""
    text = text.lstrip()
    sign = text[:1] if text[:1] in ("-", "+") else ""
    digits = 0
    for letter in text[len(sign) : len(sign) + 20]:
        if letter not in "0123456789":
            break
        digits = digits * 10 + int(letter)
    return max(-(1 << 63), -digits) if sign == "-" else min((1 << 63) - 1, digits)
