"""Who sends large files: options only.  `uwsgid.request.offload` does it, and is imported where one asks."""

from __future__ import annotations

from typing import Final

from uwsgid.config.kinds import Integer
from uwsgid.config.section import Section, option, section

#: Protocols for which a thread can do it: an answer ends with its connection, whatever its bytes are.
RAW: Final = frozenset({"uwsgi", "http"})


@section("Static files, offload, TLS")
class Offloading(Section):
    """Threads that send files while their worker goes on."""

    threads: Integer = option(
        "offload-threads",
        "offload-thread",
        default=0,
        help="threads of each worker that send large files, so that it serves others meanwhile",
        note="the line of such a request is written when the file is sent, with the bytes that were; uWSGI's "
        "comes before, and loses the start of a range. In loop = reactor the reactor sends, without threads",
    )
