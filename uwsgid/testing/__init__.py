"""Stand-ins for the world, for the tests of uwsgid and of its plugins."""

from uwsgid.testing.files import MemoryFile, MemorySocket
from uwsgid.testing.kernel import Executed, Exited, MemoryKernel
from uwsgid.testing.nursery import MemoryChild, MemoryNursery, MemoryProcesses, MemoryReactor

__all__ = [
    "Executed",
    "Exited",
    "MemoryChild",
    "MemoryFile",
    "MemoryKernel",
    "MemoryNursery",
    "MemoryProcesses",
    "MemoryReactor",
    "MemorySocket",
]
