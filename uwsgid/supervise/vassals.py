"""How a vassal begins: what the emperor decided about it, as its nest is told.

The nest inherits the configuration of the emperor, so that only what differs from vassal to vassal has to
travel: `VassalStart` is the text of a `Spawn`.  The descriptors come along with it, in the order pipe,
configuration, socket, as far as there are some.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from uwsgid.errors import InternalError


@dataclass(frozen=True, slots=True)
class VassalStart:
    """One vassal at its start.

    :ivar name: its id.
    :ivar argv: its command line, without the program.
    :ivar environ: variables to set.
    :ivar cwd: where it starts; that of its monitor.
    :ivar uid: whom it becomes, with `gid`; -1 for nobody else (``emperor-tyrant``).
    :ivar namespaces: ``CLONE_NEW…`` flags of the namespaces that are made for it.
    :ivar has_config: its configuration comes on a descriptor.
    :ivar has_socket: a socket that woke it is its standard input.
    :ivar home: where it starts instead, once it is its user (``emperor-chdir-attr``).
    :ivar program: what is executed instead of forking, before any other program (``emperor-wrapper-attr``).
    :ivar adoptable: it outlives the emperor.
    """

    name: str
    argv: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    uid: int = -1
    gid: int = -1
    namespaces: int = 0
    has_config: bool = False
    has_socket: bool = False
    home: str = ""
    program: str = ""
    adoptable: bool = False

    @property
    def is_simple(self) -> bool:
        """Whether nothing is decided here that a steward would have to see to."""
        special = self.namespaces or self.has_config or self.has_socket or self.adoptable
        return self.uid < 0 and not (special or self.home or self.program)

    def to_text(self) -> str:
        """As JSON, in ASCII."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> VassalStart:
        """The start that `to_text` wrote.

        :raises InternalError: it was cut on its way, or is none.
        """
        try:
            found = json.loads(text)
            return cls(**{**found, "argv": tuple(found["argv"])})
        except (ValueError, TypeError, KeyError) as error:
            raise InternalError(f"the start of a vassal can not be read: {error}") from error
