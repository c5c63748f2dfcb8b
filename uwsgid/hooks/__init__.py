"""What the operator wants done on the way: actions at the phases of a start, of a life and of an end.

`phases` says when, `actions` and its kin what.  `run` is for processes that may wait; those with a reactor
have `uwsgid.hooks.later.run_later`, which is not imported here, since this room knows no Twisted.  The phases
themselves are where the life of an instance is: in the boot, in whoever loads applications, in a worker, in
the Emperor and its vassals, and in the master at its end.
"""

from uwsgid.hooks.phases import Phase
from uwsgid.hooks.running import VassalFacts, run

__all__ = ["Phase", "VassalFacts", "run"]
