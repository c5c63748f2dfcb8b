"""XML: the children of a ``<uwsgi>`` element.

The text of an element is its value, trimmed (uWSGI keeps the blanks around it); an empty element is ``1``.
``<app>`` and CDATA are uWSGI's oldest forms (core/xmlconf.c).  Entities are refused, whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.formats.parsed import Parsed, refuse
from uwsgid.families import config_formats

_DEEPEST: Final = 64


@dataclass(slots=True)
class _Element:
    """One element with what expat alone knows: its line, and whether its text came as CDATA."""

    name: str
    attributes: Mapping[str, str]
    line: int
    text: str = ""
    cdata: bool = False
    children: list[_Element] = field(default_factory=list)


class _Builder:
    """Collects elements from the parser's events."""

    def __init__(self) -> None:
        self.root: _Element | None = None
        self._open: list[_Element] = []
        self._expat: Any = None

    def watch(self, expat: Any) -> None:
        self._expat = expat
        expat.StartCdataSectionHandler = self._start_cdata

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        element = _Element(name, dict(attributes), self._expat.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        if len(self._open) > _DEEPEST:
            raise ValueError("too many elements inside each other")

    def end(self, name: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].text += text

    def close(self) -> None:
        """The parser wants to say that the document ended."""

    def _start_cdata(self) -> None:
        self._open[-1].cdata = True


@config_formats.member("xml", "xmlconfig")
class Xml:
    """The elements inside ``<uwsgi>``."""

    suffixes: ClassVar[tuple[str, ...]] = (".xml",)
    announcement: ClassVar[str] = "[uWSGI] parsing config file {file}"

    @staticmethod
    def parse(text: str, source: str, section: str | None, *, mode: str = "") -> Parsed:
        """The options of the ``<uwsgi>`` element, or of the one whose ``id`` is *section*.

        With a section, options that carry another ``id`` do not apply; with *mode*, those with another
        ``mode``.
        """
        if section == "":
            raise refuse(source, 0, "invalid xml id; write FILE:ID or FILE alone")
        root = _read(text, source)
        directives: list[Directive] = []
        for element in _usable(root, source, section).children:
            if section is not None and element.attributes.get("id", section) != section:
                continue
            if mode and element.attributes.get("mode", mode) != mode:
                continue
            directives.append(_directive(element, source))
        return Parsed(tuple(directives))


def _read(text: str, source: str) -> _Element:
    # a text that is not UTF-8 may say its encoding in its first line; one that is was decoded already
    data = text.encode("utf-8", "surrogateescape")
    declared = any("\udc80" <= letter <= "\udcff" for letter in text)
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, encoding=None if declared else "utf-8")
    builder.watch(parser.parser)
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        line, _ = error.position
        reason = str(error).partition(":")[0]
        raise refuse(source, line, f"[uWSGI] could not parse file {source}. {reason}") from None
    except (ValueError, LookupError) as error:  # also an encoding that Python does not know
        reason = "entities are not allowed" if isinstance(error, DefusedXmlException) else str(error)
        raise refuse(source, 0, f"[uWSGI] could not parse file {source}. {reason}") from None
    assert builder.root is not None  # a document without an element is no well-formed one
    return builder.root


def _usable(root: _Element, source: str, section: str | None) -> _Element:
    found = [element for element in _walk(root) if element.name == "uwsgi"]
    for element in found:
        if section is None or element.attributes.get("id") == section:
            return element
    if section is not None and found and all("id" not in element.attributes for element in found):
        return found[0]  # the ids are on the options
    hint = f' None of the {len(found)} found has the id "{section}".' if found else ""
    raise refuse(source, root.line, f"[uWSGI] invalid xml root element, <uwsgi> expected.{hint}")


def _walk(element: _Element) -> Iterator[_Element]:
    yield element
    for child in element.children:
        yield from _walk(child)


def _directive(element: _Element, source: str) -> Directive:
    origin = Origin(source, element.line)
    value = element.text.strip()
    if element.name != "app":
        return Directive(element.name, value or "1", origin)
    inner = element.children[0] if element.children else element
    if element.cdata or inner.cdata:
        return Directive("eval", element.text if element.cdata else inner.text, origin)
    target = inner.text.strip()
    if "mountpoint" in element.attributes:
        return Directive("mount", f"{element.attributes['mountpoint']}={target}", origin)
    if "domain" in element.attributes:
        return Directive("mount", f"{element.attributes['domain']}|={target}", origin)
    raise refuse(source, element.line, "<app> needs the attribute mountpoint or domain")
