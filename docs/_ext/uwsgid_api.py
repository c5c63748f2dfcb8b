"""Lets pydoctor link names of other libraries without fetching their inventories.

The API pages are built where there is no network, and a name that can not be linked is a warning, which fails
the build.  The standard library and Twisted have addresses that can be told from a name, so nobody is asked.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from pathlib import Path

from pydoctor import model
from pydoctor.sphinx import SphinxInventory

_ROOT = Path(__file__).parent.parent.parent


class Inventory(SphinxInventory):
    """Addresses told from names."""

    def getLink(self, name: str) -> str | None:
        """The address of ``name``, or None where it belongs to nobody we know."""
        first, _, rest = name.partition(".")
        if first == "uwsgid":
            return _module_page(name)
        if not rest and hasattr(builtins, first):
            page = (
                "exceptions" if first.endswith(("Error", "Exception", "Exit", "Interrupt")) else "functions"
            )
            return f"https://docs.python.org/3/library/{page}.html#{first}"
        if first in sys.stdlib_module_names and _exists(name):
            return f"https://docs.python.org/3/library/{first}.html#{name if rest else ''}"
        if first == "twisted" and rest:
            return f"https://docs.twisted.org/en/stable/api/{name}.html"
        return None


def _module_page(name: str) -> str | None:
    """Where a constant lives that has no entry of its own, provided that it exists."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        module = _ROOT.joinpath(*parts[:size])
        if module.with_suffix(".py").is_file() or (module / "__init__.py").is_file():
            if size == len(parts) or _exists(name):
                return ".".join(parts[:size]) + ".html"
            return None
    return None


def _exists(name: str) -> bool:
    """Whether a dotted name can be reached."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:size]))
        except ImportError:
            continue
        for part in parts[size:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


class System(model.System):
    """pydoctor's system with `Inventory`; setup.cfg names it."""

    def __init__(self, options: model.Options | None = None) -> None:
        super().__init__(options)
        self.intersphinx = Inventory(logger=self.msg)
