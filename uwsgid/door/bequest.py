"""What the boot leaves open for the children of the instance, told apart from what the master opens later."""

from __future__ import annotations

from collections.abc import Mapping

from uwsgid.interfaces import IKernel

#: Descriptors by what is open there: the device and the inode.
Bequest = Mapping[int, tuple[int, int]]


def bequest(kernel: IKernel, but: frozenset[int]) -> Bequest:
    """What a seed would inherit that is forked now.

    :param but: what it would close.
    """
    found: dict[int, tuple[int, int]] = {}
    for descriptor in kernel.open_descriptors():
        if descriptor not in but:
            try:
                facts = kernel.fstat(descriptor)
            except OSError:
                continue  # that by which the others were listed
            found[descriptor] = facts.device, facts.inode
    return found
