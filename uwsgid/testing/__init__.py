"""Stand-ins for the world, for the tests of uwsgid and of its plugins."""

from uwsgid.testing.kernel import Executed, Exited, MemoryFile, MemoryKernel, MemorySocket

__all__ = ["Executed", "Exited", "MemoryFile", "MemoryKernel", "MemorySocket"]
