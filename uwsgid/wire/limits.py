"""How much a peer may send before its request counts as too large, shared by all decoders.

The two limits are options of uWSGI and are named after them, so that an error can say which one to raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_EXTENSION: Final = 256  #: bytes of the extensions of one chunk, where nobody asks for less


@dataclass(frozen=True, slots=True)
class Limits:
    """What a decoder accepts of one request, the length of its body apart.

    :ivar buffer_size: bytes of a uwsgi variable block, or of an HTTP head (option ``buffer-size``).
    :ivar max_vars: the option ``max-vars``; twice as many variables pass, see `variables`.
    :ivar chunk: bytes of one chunk of a body (option ``chunked-input-limit``), 0 for any number.
    :ivar extension: bytes of the extensions of one chunk, which nobody needs.
    """

    buffer_size: int = 4096
    max_vars: int = 64
    chunk: int = 0
    extension: int = MAX_EXTENSION

    @property
    def variables(self) -> int:
        """How many variables one request may have.

        uWSGI keeps ``4 * max-vars`` slots and a variable takes two of them (``uwsgi_parse_vars`` in
        core/protocol.c), so twice the option passes and one more does not.
        """
        return 2 * self.max_vars
