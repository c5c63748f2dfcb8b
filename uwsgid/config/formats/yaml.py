"""YAML: a mapping under the key of the section.

Values are the text as it is written (``yes`` stays ``yes``), and keys that stand more than once are all kept.
So PyYAML only composes the nodes of the document; nothing is resolved to Python values.  The quirks of
uWSGI's own two parsers (core/yaml.c) are not copied.
"""

from __future__ import annotations

from typing import ClassVar

import yaml

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.formats.parsed import DEFAULT_SECTION, Parsed, missing_section, refuse
from uwsgid.families import config_formats


@config_formats.member("yaml", "yml", "yal")
class Yaml:
    """A mapping called ``uwsgi``; a sequence gives one option for each of its items."""

    suffixes: ClassVar[tuple[str, ...]] = (".yaml", ".yml")
    announcement: ClassVar[str] = "[uWSGI] getting YAML configuration from {file}"

    @staticmethod
    def parse(text: str, source: str, section: str | None, *, mode: str = "") -> Parsed:
        """The entries of *section*; one that is absent is a warning.

        :raises ConfigError: also for a mapping inside the section, which uWSGI ignores with all that follows.
        """
        wanted = section or DEFAULT_SECTION
        directives: list[Directive] = []
        seen = False
        for key, value in _top_level(text, source):
            if key.value != wanted:
                continue
            seen = True
            if isinstance(value, yaml.ScalarNode) and not value.value:
                continue
            if not isinstance(value, yaml.MappingNode):
                raise refuse(source, _line(value), f"{wanted} must be a mapping of options to values")
            for name, content in value.value:
                directives.extend(_entries(name, content, source, wanted))
        return Parsed(tuple(directives), () if seen else (missing_section(wanted, "YAML", source),))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _top_level(text: str, source: str) -> list[tuple[yaml.Node, yaml.Node]]:
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise refuse(source, line, f"YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise refuse(source, 0, f"YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise refuse(source, 0, "YAML: too many values inside each other") from None
    return [pair for node in documents if isinstance(node, yaml.MappingNode) for pair in node.value]


def _entries(name: yaml.Node, content: yaml.Node, source: str, section: str) -> list[Directive]:
    items = content.value if isinstance(content, yaml.SequenceNode) else [content]
    for node in (name, *items):
        if not isinstance(node, yaml.ScalarNode):
            raise refuse(
                source,
                _line(node),
                f"unsupported YAML token in {section} block: an option has a text or a list of texts",
            )
    return [Directive(name.value, item.value, Origin(source, _line(item))) for item in items]
