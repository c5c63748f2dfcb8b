"""Arguments within the text of an option, where a path may hold blanks.

uWSGI ends such an argument at the first space, always.  Here it may stand in double quotes as well.
"""

from __future__ import annotations


def first_word(text: str) -> tuple[str, str]:
    """The first argument of *text*, and what follows the one space behind it.

    >>> first_word('/etc/issue  two spaces')
    ('/etc/issue', ' two spaces')
    >>> first_word('"/srv/my site" rest')
    ('/srv/my site', 'rest')

    :raises ValueError: a quote is not closed, or something clings to it.
    """
    if not text.startswith('"'):
        word, _, rest = text.partition(" ")
        return word, rest
    word, quote, rest = text[1:].partition('"')
    if not quote:
        raise ValueError(f"the quote in {text!r} is not closed")
    if rest and not rest.startswith(" "):
        raise ValueError(f"a space has to follow the quoted {word!r}")
    return word, rest[1:]


def words(text: str) -> list[str]:
    """All arguments of *text*, however many spaces stand between them.

    :raises ValueError: as `first_word`.
    """
    found: list[str] = []
    rest = text.strip(" ")
    while rest:
        word, rest = first_word(rest)
        found.append(word)
        rest = rest.lstrip(" ")
    return found
