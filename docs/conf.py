"""How Sphinx builds the manual."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from uwsgid._version import __version__

project = "uwsgid"
author = "the uwsgid developers"
copyright = author
release = version = __version__

extensions = ["uwsgid_options"]
exclude_patterns = ["_build", "changes", "_ext"]
html_theme = "alabaster"
html_theme_options = {"description": "uWSGI's configuration, served by Twisted", "page_width": "1100px"}
html_show_copyright = False
nitpicky = True
