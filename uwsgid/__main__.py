"""``uwsgid …`` and ``python -m uwsgid …`` mean ``twistd -n uwsgid …``, in uWSGI's manners.

``uwsgid tuntap …`` looks into a running router instead (`uwsgid.tuntap.commands`), ``uwsgid unseal …`` reads
a sealed log (`uwsgid.logs.unseal`), ``uwsgid manhole …`` opens a prompt in a running instance
(`uwsgid.manhole.commands`).

twistd finds its commands by importing every plugin of every package that is installed.  This entry knows the
one it wants, so it starts sooner, and twistd's own log lines do not stand beside ours.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uwsgid.manhole.options import Place


def main() -> None:
    """Run the command line.  Does not return."""
    if sys.argv[1:2] == ["tuntap"]:
        from uwsgid.tuntap.commands import main as look

        sys.exit(look(sys.argv[2:]))
    if sys.argv[1:2] == ["unseal"]:
        from uwsgid.logs.unseal import main as unseal

        sys.exit(unseal(sys.argv[2:]))

    if sys.argv[1:2] == ["manhole"]:
        from uwsgid.manhole.commands import main as attach

        sys.exit(attach(sys.argv[2:], _manholes_of))

    gc.disable()  # what is imported is there for ever
    from uwsgid.loops.late_tls import load_reactor

    load_reactor()
    from twisted.application.service import IServiceMaker, ServiceMaker
    from twisted.scripts._twistd_unix import ServerOptions
    from twisted.scripts.twistd import runApp

    import uwsgid.door.service  # noqa: F401

    gc.freeze()
    gc.enable()

    maker = ServiceMaker("uwsgid", "uwsgid.door.service", "", "uwsgid")

    class OneCommand(ServerOptions):
        """twistd's options with a single subcommand, and no search for others."""

        # Twisted declares these for instances, so they can not be ClassVar
        loadedPlugins: dict[str, Any] = {"uwsgid": maker}  # noqa: RUF012
        subCommands = [["uwsgid", None, lambda: maker.options(), maker.description]]  # noqa: RUF012

    assert IServiceMaker.providedBy(maker)
    options: Any = OneCommand()
    options.parseOptions(
        [
            "--nodaemon",
            "--pidfile=",
            "--logger=uwsgid.door.service.observer",
            "uwsgid",
            *sys.argv[1:],
        ]
    )
    runApp(options)


def _manholes_of(config: str) -> Sequence[Place]:
    """Those of a configuration, for which all options have to be known; an address needs nothing of that."""
    from uwsgid.door.attaching import manholes_of

    return manholes_of(config)


if __name__ == "__main__":
    main()
