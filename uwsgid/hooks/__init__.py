"""What the operator wants done on the way: actions at the phases of a start, of a life and of an end.

`phases` says when, `options` what, and the actions themselves are members of the family ``hook_actions``.
`run` is for processes that may wait; those with a reactor have `uwsgid.hooks.later.run_later`, which is not
imported here, since nothing else of this room knows Twisted.  The phases themselves are where the life of an
instance is: in the boot, in whoever loads applications, in a worker, in the Emperor and its vassals, and in
the master.
"""

from uwsgid.hooks.chain import FATAL, HookFailed
from uwsgid.hooks.options import Hook, Hooks
from uwsgid.hooks.phases import Family, Phase
from uwsgid.hooks.running import run
from uwsgid.hooks.scene import Action, Deed, Failed, Scene, VassalFacts

__all__ = [
    "FATAL",
    "Action",
    "Deed",
    "Failed",
    "Family",
    "Hook",
    "HookFailed",
    "Hooks",
    "Phase",
    "Scene",
    "VassalFacts",
    "run",
]
