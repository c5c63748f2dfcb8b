"""Options of privileges, jails and namespaces, of hooks, and of what a start waits for.

Nothing here is ever ignored: a site that asks for a jail must not run without it.
"""

from __future__ import annotations

from typing import Final

from uwsgid.config.known.row import C_ONLY, LATER, KnownOption, Row, refused

_PRIVILEGES: Final = "Privileges, jails, hooks"


def _phases(prefix: str, phases: str, facts: str, help: str) -> tuple[Row, ...]:
    return tuple((f"{prefix}-{phase}", facts, f"{help} {phase}") for phase in phases.split())


_JAIL: Final = "pre-jail post-jail in-jail as-root"
_USER: Final = "as-user as-user-atexit pre-app post-app"
_VASSAL: Final = "as-vassal as-emperor"

TABLE: Final[tuple[KnownOption, ...]] = (
    *refused(
        _PRIVILEGES,
        LATER,
        ("uid", "str", "user to become"),
        ("gid", "str", "group to become"),
        ("add-gid", "list", "one more group"),
        ("immediate-uid", "str I", "user to become while reading"),
        ("immediate-gid", "str I", "group to become while reading"),
        ("no-initgroups", "flag", "without the other groups of the user"),
        ("master-as-root", "flag", "only the workers drop privileges"),
        ("drop-after-init", "flag", "drop after the languages started"),
        ("drop-after-apps", "flag", "drop after the application loaded"),
        ("chroot", "str", "new root directory"),
        ("pivot-root pivot_root", "str l", "exchange the root file system"),
        ("unshare", "str l", "new namespaces"),
        ("unshare2", "str l 2.0", "new namespaces, later"),
        ("cap", "str", "capabilities to keep"),
        ("cgroup", "list l", "control groups to join"),
        ("cgroup-opt", "list l", "values to write in them"),
        ("cgroup-dir-mode", "str l", "mode of their directories"),
        ("namespace ns", "str l", "a root in namespaces of its own"),
        ("namespace-keep-mount", "list l", "mounts that stay in it"),
        ("namespace-net ns-net", "str l", "network namespace to join"),
        ("setns", "str l 2.0", "join the namespaces of a socket"),
        ("setns-preopen", "flag l 2.0", "open the namespaces early"),
        ("setns-skip setns-socket-skip", "list l 2.0", "namespaces that are not joined or passed"),
        ("setns-socket", "str l 2.0", "pass the own namespaces"),
        ("jailed", "flag 2.0", "take the instance for jailed already"),
        *_phases("hook", f"{_JAIL} {_USER} {_VASSAL}", "list", "actions"),
        *_phases("exec", f"{_JAIL} {_USER} {_VASSAL}", "list", "commands"),
        *_phases("mount", f"{_JAIL} {_VASSAL}", "list", "mounts"),
        *_phases("umount", f"{_JAIL} {_VASSAL}", "list", "unmounts"),
        *_phases("hook", "asap master-start post-fork touch as-mule as-gateway", "list 2.0", "actions"),
        *_phases(
            "hook",
            "accepting accepting1 accepting-once accepting1-once",
            "list 2.0",
            "actions when a worker is",
        ),
        *_phases("hook", "emperor-start emperor-stop emperor-reload emperor-lost", "list 2.0", "actions"),
        *_phases(
            "hook",
            "as-emperor-before-vassal as-emperor-setns as-on-demand-vassal as-on-config-vassal"
            " as-vassal-before-drop",
            "list 2.1",
            "actions",
        ),
        ("exec-asap", "list 2.0", "commands as soon as possible"),
        ("mount-asap", "list 2.0", "mounts as soon as possible"),
        ("umount-asap", "list 2.0", "unmounts as soon as possible"),
        ("file-write", "list", "write a text into a file at start"),
        (
            "wait-for-interface wait-interface wait-for-iface wait-iface",
            "list",
            "wait until a network interface is there",
        ),
        (
            "wait-for-interface-timeout wait-interface-timeout wait-for-iface-timeout wait-iface-timeout",
            "int",
            "seconds to wait for an interface",
        ),
        ("wait-for-fs", "list 2.0", "wait until a path is there"),
        ("wait-for-file", "list 2.0", "wait until a file is there"),
        ("wait-for-dir", "list 2.0", "wait until a directory is there"),
        ("wait-for-mountpoint", "list 2.0", "wait until a mount is there"),
        ("wait-for-socket", "list 2.0", "wait until a socket answers"),
        ("wait-for-fs-timeout", "int 2.0", "seconds to wait for a path"),
        ("wait-for-socket-timeout", "int 2.0", "seconds to wait for a socket"),
        ("privileged-binary-patch", "str", "become another program as root"),
        ("privileged-binary-patch-arg", "str", "become another command as root"),
        ("unprivileged-binary-patch", "str", "become another program after the drop"),
        ("unprivileged-binary-patch-arg", "str", "become another command after the drop"),
        ("tuntap-router", "list", "switch packets between vassals"),
        ("tuntap-device", "list", "a tun device, maybe joined to a router"),
        ("tuntap-router-firewall-in", "list", "rules for packets to vassals"),
        ("tuntap-router-firewall-out", "list", "rules for packets from vassals"),
        ("tuntap-router-route", "list 2.0", "send matching packets over UDP"),
        ("tuntap-router-stats", "str 2.0", "address of the router's statistics"),
        ("tuntap-device-rule", "list 2.0", "rules that a vassal asks for"),
        ("tuntap-use-credentials", "[str] 2.0", "check who joins the router"),
    ),
    *refused(
        _PRIVILEGES,
        C_ONLY,
        *_phases("call", f"{_JAIL} {_USER}", "list", "C functions"),
        *_phases(
            "call",
            "as-vassal as-vassal1 as-vassal3 as-emperor as-emperor1 as-emperor2 as-emperor4",
            "list",
            "C functions",
        ),
        ("call-asap", "list 2.0", "C functions as soon as possible"),
        ("after-request-hook", "list 2.0", "C functions that get the request, after it"),
        ("after-request-call", "list 2.0", "the same"),
    ),
    *refused(
        _PRIVILEGES,
        "needs FreeBSD",
        ("jail", "str f", "run in a jail"),
        ("jail-ip4", "list f", "address of the jail"),
        ("jail-ip6", "list f", "IPv6 address of the jail"),
        ("jidfile jid-file", "str f", "write the id of the jail"),
        ("jail2 libjail", "list f", "parameters of the jail"),
        ("jail-attach", "str f", "join a jail"),
    ),
)
