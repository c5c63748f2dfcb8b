"""What changes a record on its way to a logger: the members of the family ``log_encoders``.

A member is a function that is given what stands behind the encoder's name in ``log-encoder``, exactly as it
was written, and returns what changes one record::

    @log_encoders.member("prefix")
    def prefix(arguments: str) -> Encoder: ...

It raises `ConfigError` for arguments it can not use.  The function it returns is called for every record, in
one thread at a time; whatever it raises leaves the record as it was.  But a record that was to be secret is
dropped then (`uwsgid.logs.outlets.SEALS`).

A member is imported when a configuration names it.
"""

from __future__ import annotations

from collections.abc import Callable

from uwsgid.families import log_encoders

__all__ = ["Encoder"]

#: One record in, one record out.
Encoder = Callable[[bytes], bytes]

log_encoders.promise("uwsgid.logs.encoders.affixes", "prefix", "suffix", "nl")
log_encoders.promise("uwsgid.logs.encoders.compression", "gzip", "compress", "zstd")
log_encoders.promise("uwsgid.logs.encoders.templates", "format", "json")
log_encoders.promise("uwsgid.logs.encoders.messagepack", "msgpack")
log_encoders.promise("uwsgid.logs.encoders.sealing", "aead")
