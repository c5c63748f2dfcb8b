"""The actions ``mount`` and ``umount``, which are also the options ``mount-<phase>`` and ``umount-<phase>``.

What they mean is in `uwsgid.host.mounts`.  (The option ``mount`` alone is about applications.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from uwsgid.families import hook_actions
from uwsgid.hooks.scene import Deed, Scene
from uwsgid.host import mounts


@hook_actions.member("mount")
@dataclass(frozen=True, slots=True)
class MountFileSystem(Deed):
    """``mount:<type> <what> <where> [flag,flag… [data]]`` mounts a file system."""

    operation: mounts.Mount

    @classmethod
    def parse(cls, text: str) -> Self:
        """The text of a mount."""
        return cls(mounts.parse_mount(text))

    def act(self, scene: Scene) -> None:
        """Mount it."""
        mounts.apply(scene.kernel, self.operation)


@hook_actions.member("umount")
@dataclass(frozen=True, slots=True)
class UnmountFileSystem(Deed):
    """``umount:<where> [flag,flag…]`` unmounts a file system; ``rec`` also what is mounted below it."""

    operation: mounts.Umount

    @classmethod
    def parse(cls, text: str) -> Self:
        """The text of an umount."""
        return cls(mounts.parse_umount(text))

    def act(self, scene: Scene) -> None:
        """Unmount it."""
        mounts.apply(scene.kernel, self.operation)
