"""uwsgid, an application server that reads the configuration of uWSGI and runs on Twisted.

The map of the house is ``docs/architecture.rst``.  Floors, from the ground up: `uwsgid.errors`,
`uwsgid.interfaces`, `uwsgid.registry` and `uwsgid.families`; `uwsgid.wire` and `uwsgid.config`;
`uwsgid.host`; `uwsgid.supervise`, `uwsgid.request` and `uwsgid.logs`; the rooms; the roles
`uwsgid.master` and `uwsgid.worker`; and `uwsgid.door`, where everything is put together.
Imports point down.
"""

from uwsgid import _names as _names  # before anything else is imported
from uwsgid._version import __version__

__all__ = ["__version__"]
