"""The formats of configuration files: a text becomes directives, each with the line it stands on."""

from uwsgid.config.formats.ini import Ini
from uwsgid.config.formats.json import Json
from uwsgid.config.formats.parsed import DEFAULT_SECTION, Format, Parsed
from uwsgid.config.formats.xml import Xml
from uwsgid.config.formats.yaml import Yaml

__all__ = ["DEFAULT_SECTION", "Format", "Ini", "Json", "Parsed", "Xml", "Yaml"]
