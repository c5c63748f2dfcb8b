"""What an emperor and a vassal say to each other: single bytes, and the text of a configuration.

They talk over a pair of stream sockets.  Each byte is a message of its own (core/emperor.c); a byte that is
unknown is ignored, so that either side may be newer than the other.  A configuration that does not lie in a
file comes over a second pair, as one chunk: a uwsgi header (modifier 115, size, 0) and the text.

The two ends find each other by the variables that are named here.
"""

from __future__ import annotations

import enum
from typing import Final

from uwsgid.errors import PeerError

#: In the environment of a vassal: the number of its end of the talk.
EMPEROR_FD: Final = "UWSGI_EMPEROR_FD"
#: The number of the descriptor on which its configuration comes, where that does not lie in a file.
EMPEROR_FD_CONFIG: Final = "UWSGI_EMPEROR_FD_CONFIG"
#: The number of a zerg among all that were ever called.
BROODLORD_NUM: Final = "UWSGI_BROODLORD_NUM"
#: Where the vassals' configurations are, for hooks.
VASSALS_DIR: Final = "UWSGI_VASSALS_DIR"
#: A UNIX socket that hands the two descriptors out, see ``emperor-proxy-socket``.
EMPEROR_PROXY: Final = "UWSGI_EMPEROR_PROXY"

#: What goes with the descriptors on that socket, before their number, a C int (core/emperor.c, 2.0).
PROXY_NAME: Final = b"uwsgi-emperor"

#: The first byte of the header of a configuration.
CONFIG_MODIFIER: Final = 115
CONFIG_HEADER: Final = 4  #: bytes
MAX_CONFIG: Final = 0xFFFF  #: bytes of a configuration; the header has no room for more


class ToVassal(enum.IntEnum):
    """What an emperor says."""

    STOP = 0  #: end at once
    RELOAD = 1  #: reload, with the configuration that follows on the other pair, if there is one
    STOP_GRACEFULLY = 2  #: finish what you do, then end (uWSGI 2.0.19)


class ToEmperor(enum.IntEnum):
    """What a vassal says."""

    SPAWNED = 1  #: I started; before workers accept
    SEND_CONFIG = 2  #: I am about to start anew: give me my configuration
    ACCEPTING = 5  #: my first worker accepts
    LOYAL = 17  #: a worker completed its first request
    IDLE = 22  #: nobody wants anything of me, I would like to end (``die-on-idle``)
    HEARTBEAT = 26  #: I live
    SOS = 30  #: I can not do it alone, send a zerg


def pack_config(text: bytes) -> bytes:
    """The chunk in which *text* travels.

    :raises ValueError: it is longer than `MAX_CONFIG`; in uWSGI the size wraps, and the vassal gets a part.
    """
    if len(text) > MAX_CONFIG:
        raise ValueError(f"a configuration of {len(text)} bytes; the protocol has room for {MAX_CONFIG}")
    return bytes((CONFIG_MODIFIER, len(text) & 0xFF, len(text) >> 8, 0)) + text


def config_size(header: bytes) -> int:
    """How many bytes of configuration follow *header*, which has `CONFIG_HEADER` bytes.

    :raises PeerError: it is none, or announces nothing.
    """
    if len(header) != CONFIG_HEADER or header[0] != CONFIG_MODIFIER:
        raise PeerError(f"the emperor sent {header!r}, which is no head of a configuration", status=0)
    size = header[1] | header[2] << 8
    if not size:
        raise PeerError("the emperor sent an empty configuration", status=0)
    return size
