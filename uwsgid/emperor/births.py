"""What the nest is told about a vassal that is to be born, and the pipes that it is born with."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from uwsgid.emperor.attributes import attributes_of
from uwsgid.emperor.names import command_line, type_of
from uwsgid.emperor.options import EmperorOptions, VassalOptions
from uwsgid.emperor.pipe import ConfigPipe, Pipe
from uwsgid.supervise.vassals import VassalStart
from uwsgid.wire.vassal import BROODLORD_NUM, VASSALS_DIR

if TYPE_CHECKING:
    from uwsgid.emperor.nest import Nest
    from uwsgid.emperor.vassal import Vassal


class Births:
    """Orders vassals from the nest."""

    def __init__(
        self,
        reactor: Any,
        nest: Nest,
        options: EmperorOptions,
        vassal_options: VassalOptions,
        say: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._nest: Final = nest
        self._options: Final = options
        self._vassal_options: Final = vassal_options
        self._say: Final = say

    def order(self, vassal: Vassal, zergs: int) -> None:
        """Have *vassal* born; without descriptors it is told, a moment later, that it is not.

        :param zergs: how many were called so far, which is the number of a zerg.
        """
        has_config = vassal.config is not None and not vassal.zerg
        try:
            pairs = [socket.socketpair() for _ in range(1 + has_config)]
        except OSError as error:
            self._say(f"[emperor] socketpair(): {error.strerror} [{vassal.name}]")
            self._reactor.callLater(0, vassal.life.not_born)
            return
        ours = pairs[0][0]
        descriptors = [theirs.detach() for _, theirs in pairs]
        config = ConfigPipe(pairs[1][0]) if has_config else None
        if vassal.wakeup is not None:
            descriptors.append(vassal.wakeup.fileno())
        vassal.take(Pipe(self._reactor, ours, vassal.hear, vassal.life.lost), config)
        self._nest.order(self._start_of(vassal, config is not None, zergs), descriptors, vassal.life)

    def _start_of(self, vassal: Vassal, has_config: bool, zergs: int) -> VassalStart:
        options, monitor = self._options, vassal.monitor
        environ = {}
        if vassal.zerg:
            environ[BROODLORD_NUM] = str(zergs)
        if self._vassal_options.has_hooks:
            environ[VASSALS_DIR] = monitor.cwd
        attributes: Mapping[str, str] = {}
        if (options.wrapper_attr or options.chdir_attr) and not has_config:
            attributes = attributes_of(os.path.join(monitor.cwd, vassal.sighting.name))
        scheme = ""
        if has_config:
            scheme = "emperor"
        elif options.magic_exec and os.access(os.path.join(monitor.cwd, vassal.name), os.R_OK | os.X_OK):
            scheme = "exec"
        return VassalStart(
            name=vassal.name,
            argv=command_line(
                vassal.name, type_of(vassal.name, options.extensions), self._vassal_options, scheme=scheme
            ),
            environ=environ,
            cwd=monitor.cwd,
            uid=vassal.sighting.uid if options.is_tyrant else -1,
            gid=vassal.sighting.gid if options.is_tyrant else -1,
            namespaces=options.namespaces,
            has_config=has_config,
            has_socket=vassal.wakeup is not None,
            home=attributes.get(options.chdir_attr, ""),
            program=attributes.get(options.wrapper_attr, ""),
            adoptable=options.adopt,
        )
