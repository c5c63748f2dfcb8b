"""How the arguments of actions are read, and what is said of those that can not be."""

from __future__ import annotations

from uwsgid.config.quoting import first_word, words


def syntax(action: str, form: str) -> ValueError:
    """The complaint of uWSGI (core/hooks.c), which comes here before anything runs."""
    return ValueError(f"invalid hook {action} syntax, must be: {action}:{form}")


def only(text: str, action: str, form: str) -> str:
    """The one argument of an action, up to its end.

    :raises ValueError: there is none.
    """
    word, rest = first_word(text)
    if not word or rest.strip(" "):
        raise syntax(action, form)
    return word


def fixed(text: str, count: int, action: str, form: str) -> list[str]:
    """Exactly *count* arguments.

    :raises ValueError: there are others.
    """
    found = words(text)
    if len(found) != count or not all(found):
        raise syntax(action, form)
    return found


def path_and_text(text: str, action: str, form: str, *, text_needed: bool = True) -> tuple[str, str]:
    """A path, and everything behind the one space that follows it.

    :raises ValueError: one of them is missing.
    """
    path, rest = first_word(text)
    if not path or (text_needed and not rest):
        raise syntax(action, form)
    return path, rest


def whole(text: str, what: str, low: int, high: int) -> int:
    """A whole number from *low* to *high*, given in digits.

    :raises ValueError: it is none.
    """
    digits = text.strip(" ")
    sign = 1
    if low < 0 and digits.startswith("-"):
        digits, sign = digits[1:], -1
    if not (digits.isascii() and digits.isdigit() and low <= sign * int(digits) <= high):
        raise ValueError(f"expected {what} from {low} to {high}, got {text!r}")
    return sign * int(digits)
