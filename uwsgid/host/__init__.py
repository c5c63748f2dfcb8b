"""Linux behind an interface: every system call, socket option and descriptor of the house.

`Kernel` is the real one; whoever needs the system gets it as an argument that provides
`uwsgid.interfaces.IKernel`, so that tests can hand over `uwsgid.testing.MemoryKernel`.
"""

from uwsgid.host.addresses import Address, AddressError, Family, parse_address
from uwsgid.host.binding import Listener
from uwsgid.host.children import Child, ExitStatus, Orphans, exit_status, send_signal, watch_child
from uwsgid.host.daemonize import daemonize
from uwsgid.host.facts import Memory, MemoryProbe, memory_of
from uwsgid.host.inherit import Giver, Inherited
from uwsgid.host.kernel import Kernel
from uwsgid.host.limits import (
    Limits,
    apply_descriptors,
    apply_limits,
    apply_priority,
    keep_in_memory,
    merge_pages,
    open_more_files,
    pin_worker,
)
from uwsgid.host.locks import Lock, LockTable
from uwsgid.host.notify import notify
from uwsgid.host.pidfile import read_pidfile, remove_pidfile, signal_pidfile, write_pidfile
from uwsgid.host.privileges import Identity, Privileges, become_now, drop, enter_directory
from uwsgid.host.socket_options import SocketMapping, Sockets, SocketSpec
from uwsgid.host.sockets import (
    NOTHING_TO_DO,
    bind_shared,
    bind_sockets,
    close_leftovers,
    inheritance,
    prepare_reload,
    settle_stdin,
    vacuum,
)
from uwsgid.host.touch import Touch, Touches

__all__ = [
    "NOTHING_TO_DO",
    "Address",
    "AddressError",
    "Child",
    "ExitStatus",
    "Family",
    "Giver",
    "Identity",
    "Inherited",
    "Kernel",
    "Limits",
    "Listener",
    "Lock",
    "LockTable",
    "Memory",
    "MemoryProbe",
    "Orphans",
    "Privileges",
    "SocketMapping",
    "SocketSpec",
    "Sockets",
    "Touch",
    "Touches",
    "apply_descriptors",
    "apply_limits",
    "apply_priority",
    "become_now",
    "bind_shared",
    "bind_sockets",
    "close_leftovers",
    "daemonize",
    "drop",
    "enter_directory",
    "exit_status",
    "inheritance",
    "keep_in_memory",
    "memory_of",
    "merge_pages",
    "notify",
    "open_more_files",
    "parse_address",
    "pin_worker",
    "prepare_reload",
    "read_pidfile",
    "remove_pidfile",
    "send_signal",
    "settle_stdin",
    "signal_pidfile",
    "vacuum",
    "watch_child",
    "write_pidfile",
]
