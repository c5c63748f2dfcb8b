"""A stand-in for mongod: enough of the wire protocol for a driver to find it and to insert documents.

https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any, Final

import bson

_REPLY: Final = 1
_QUERY: Final = 2004
_MESSAGE: Final = 2013
_INSERT: Final = 2002  #: of old drivers, which want no answer
_ANY_TEXT: Final[Any] = bson.CodecOptions(unicode_decode_error_handler="replace")


class Mongod:
    """Keeps what is inserted.

    :ivar inserted: database, collection and document of each.
    :ivar refuse: documents whose ``msg`` has this text are refused.
    """

    def __init__(self, port: int = 0) -> None:
        self.inserted: list[tuple[str, str, dict[str, Any]]] = []
        self.refuse = "\0"
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                made, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(made)
            threading.Thread(target=self._serve, args=(made,), daemon=True).start()

    def _serve(self, made: socket.socket) -> None:
        try:
            with made.makefile("rb") as stream:
                while len(head := stream.read(16)) == 16:
                    length, request, _, code = struct.unpack("<iiii", head)
                    made.sendall(self._answer(code, request, stream.read(length - 16)))
        except OSError:
            pass

    def _answer(self, code: int, request: int, body: bytes) -> bytes:
        if code == _INSERT:
            end = body.index(b"\0", 4) + 1
            database, _, collection = body[4 : end - 1].decode().partition(".")
            self.inserted += [
                (database, collection, document) for document in bson.decode_all(body[end:], _ANY_TEXT)
            ]
            return b""
        if code == _QUERY:  # the first hello of a driver
            end = body.index(b"\0", 4) + 9
            said = bson.encode(self._run(bson.decode(body[end:]), []))
            return struct.pack("<iiiiiqii", 36 + len(said), 0, request, _REPLY, 8, 0, 0, 1) + said
        assert code == _MESSAGE, code
        command: dict[str, Any] = {}
        documents: list[dict[str, Any]] = []
        at = 4
        while at < len(body):
            kind, at = body[at], at + 1
            (size,) = struct.unpack_from("<i", body, at)
            if kind == 0:
                command = bson.decode(body[at : at + size])
            else:
                documents = bson.decode_all(body[body.index(b"\0", at + 4) + 1 : at + size])
            at += size
        said = b"\0\0\0\0\0" + bson.encode(self._run(command, documents))
        return struct.pack("<iiii", 16 + len(said), 0, request, _MESSAGE) + said

    def _run(self, command: dict[str, Any], documents: list[dict[str, Any]]) -> dict[str, Any]:
        name = next(iter(command)).lower()
        if name in ("hello", "ismaster"):
            return {
                "ok": 1.0,
                "helloOk": True,
                "ismaster": True,
                "isWritablePrimary": True,
                "maxBsonObjectSize": 16 << 20,
                "maxMessageSizeBytes": 48_000_000,
                "maxWriteBatchSize": 100_000,
                "minWireVersion": 0,
                "maxWireVersion": 21,
            }
        if name != "insert":
            return {"ok": 1.0}
        errors = []
        documents = documents or command["documents"]
        for index, document in enumerate(documents):
            if self.refuse in document["msg"]:
                errors.append({"index": index, "code": 121, "errmsg": "Document failed validation"})
            else:
                self.inserted.append((command["$db"], command["insert"], document))
        return {"ok": 1.0, "n": len(documents) - len(errors), **({"writeErrors": errors} if errors else {})}

    def close(self) -> None:
        """End everything."""
        for each in (self._listener, *self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
