"""Writes the reference of all options from their declarations, so that manual and code can not disagree.

The page is made anew before each build; only its absence from the repository is maintained by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

HEAD = """\
All options
###########

Every option that uwsgid honours, by topic, then every option name of uWSGI with what becomes of it:
*honoured*, *accepted without effect* (harmless to ignore; ``uwsgid check`` and the start of an instance
report it) or *refused* (dangerous to ignore, so the instance does not start).  Made from the declarations in
the code.

"""


def write_reference(app: Any) -> None:
    """Render the options into ``reference/options.rst``; untouched where nothing changed."""
    from uwsgid.config.index import index
    from uwsgid.config.reference import reference_rst
    from uwsgid.door import catalog

    catalog.load()
    page = Path(app.srcdir, "reference", "options.rst")
    text = HEAD + reference_rst(index())
    page.parent.mkdir(exist_ok=True)
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("config-inited", lambda app, config: write_reference(app))
    return {"parallel_read_safe": True}
