"""What has to hold for any bytes of a client of the HTTP gateway, and of an instance behind it."""

from __future__ import annotations

from typing import Final

from tests.gateways import test_http_answer, test_http_request
from tests.wire import corpus
from uwsgid.errors import PeerError
from uwsgid.gateways.http_answer import Answer
from uwsgid.gateways.http_request import Ask, Asking
from uwsgid.wire.limits import Limits

LIMITS: Final = Limits(buffer_size=200, max_vars=4, extension=0)


def _asked(stream: bytes, size: int, known: dict[bytes, Ask]) -> tuple[list[object], int]:
    """What a client said, and the status of its refusal, 0 for none."""
    asking = Asking(LIMITS, known)
    found: list[object] = []
    for at in range(0, len(stream), size):
        asking.feed(stream[at : at + size])
        said: list[object] = []
        try:
            test_http_request.tell(asking, said)
        except PeerError as error:
            return test_http_request.joined(found + said), error.status
        found += said
    return test_http_request.joined(found), 0


def asked(data: bytes) -> None:
    """What a client says means the same however it is cut, and whoever said the same before."""
    if not data:
        return
    size, stream = data[0] % 16 + 1, data[1:]
    known: dict[bytes, Ask] = {}
    whole = _asked(stream, len(stream) or 1, known)
    assert _asked(stream, size, {}) == whole
    assert _asked(stream, len(stream) or 1, known) == whole
    assert all(len(head) <= LIMITS.buffer_size for head in known)


def _said(stream: bytes, size: int, how: int) -> tuple[bytes, bool, bool]:
    answer = Answer(test_http_answer.ask(minor=how & 1), True, bool(how & 2), bool(how & 4))
    got = b""
    try:
        for at in range(0, len(stream), size):
            if answer.ended:
                break
            got += answer.take(stream[at : at + size])
        got += answer.finish()
    except PeerError as error:
        assert error.status == 502
        return b"", False, True
    return got, answer.keep_alive, False


def answered(data: bytes) -> None:
    """What an instance says is passed on the same however it is cut, or not at all."""
    if not data:
        return
    size, how, stream = data[0] % 16 + 1, data[0] >> 4, data[1:]
    whole, pieces = _said(stream, len(stream) or 1, how), _said(stream, size, how)
    assert whole[1:] == pieces[1:]
    if not how & 2:  # pieces make chunks of their own
        assert whole == pieces


GATEWAY: Final = {"gateway": asked, "answers": answered}


def seeds(name: str) -> list[bytes]:
    """Bytes that lead a target into every corner that is known."""
    if name == "answers":
        kinds = (test_http_answer.PLAIN, test_http_answer.COUNTED, test_http_answer.CHUNKED)
        return [bytes((how << 4 | 3,)) + data for data in kinds for how in range(8)]
    found = [case.data for kind in ("good", "bad") for case in corpus.http(kind)]
    return [bytes((at % 16,)) + data for at, data in enumerate(found) if len(data) < 400]
