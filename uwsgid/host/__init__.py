"""Linux behind an interface: every system call, socket option and descriptor of the house.

`Kernel` is the real one; whoever needs the system gets it as an argument that provides
`uwsgid.interfaces.IKernel`, so that tests can hand over `uwsgid.testing.MemoryKernel`.
"""

from uwsgid.host.addresses import Address, AddressError, Family, parse_address
from uwsgid.host.binding import Listener
from uwsgid.host.inherit import Inherited
from uwsgid.host.kernel import Kernel
from uwsgid.host.privileges import Identity, Privileges, drop
from uwsgid.host.socket_options import SocketMapping, Sockets, SocketSpec
from uwsgid.host.sockets import bind_shared, bind_sockets, inheritance, prepare_reload, vacuum

__all__ = [
    "Address",
    "AddressError",
    "Family",
    "Identity",
    "Inherited",
    "Kernel",
    "Listener",
    "Privileges",
    "SocketMapping",
    "SocketSpec",
    "Sockets",
    "bind_shared",
    "bind_sockets",
    "drop",
    "inheritance",
    "parse_address",
    "prepare_reload",
    "vacuum",
]
