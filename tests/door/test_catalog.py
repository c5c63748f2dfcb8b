"""Everything that is built in, together: no name clashes, no reactor, and no option that nothing reads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import uwsgid
import uwsgid.logs.encoders
import uwsgid.logs.loggers
from uwsgid.config.index import index
from uwsgid.config.known import KNOWN, Support
from uwsgid.config.section import Section
from uwsgid.door import catalog
from uwsgid.errors import ConfigError
from uwsgid.families import alarms, languages, log_encoders, loggers, loop_engines, roles
from uwsgid.host import NOTHING_TO_DO
from uwsgid.host.privileges import RUNNING_AS_ROOT, STILL_ROOT

#: Options that stand for how uwsgid always is; each says so in its note.
ALWAYS_SO = {
    "close-on-exec",
    "emperor-subreaper",
    "enable-threads",
    "harakiri-no-arh",
    "master",
    "no-orphans",
    "single-interpreter",
    "stats-no-metrics",
    "wsgi-env-behaviour",
}

#: Options that are looked up by name, before or without their section, and the module that does.
BY_NAME = {
    "dump-options": "uwsgid/door/command.py",
    "env": "uwsgid/door/surroundings.py",
    "help": "uwsgid/door/command.py",
    "immediate-gid": "uwsgid/door/command.py",
    "immediate-uid": "uwsgid/door/command.py",
    "mode": "uwsgid/languages/python/api.py",
    "need-plugins": "uwsgid/door/command.py",
    "plugins": "uwsgid/door/command.py",
    "strict": "uwsgid/config/settings.py",
    "unenv": "uwsgid/door/surroundings.py",
    "version": "uwsgid/door/command.py",
}

_HOUSE = Path(uwsgid.__file__).parent


@dataclass
class Part:
    """A function, a method or the rest of a module.

    :ivar name: by which others can call it; empty for what runs anyway.
    :ivar owner: the class of a method.
    :ivar reads: the attributes it gets.
    """

    name: str
    owner: str
    reads: set[str]


@dataclass
class Source:
    """What a module mentions.

    :ivar names: every name, attribute and imported name in it.
    :ivar texts: every string in it.
    """

    path: str
    tree: ast.Module
    parts: list[Part] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.texts = {
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        self.names = set(_names(self.tree))
        rest: set[str] = set()
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        self.parts.append(Part(inner.name, node.name, _attributes(inner)))
            elif isinstance(node, ast.FunctionDef):
                called = "" if node.decorator_list else node.name
                self.parts.append(Part(called, "", _attributes(node)))
            else:
                rest |= _attributes(node)
        self.parts.append(Part("", "", rest))


def _attributes(node: ast.AST) -> set[str]:
    return {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def _sources() -> list[Source]:
    return [
        Source(f"uwsgid/{path.relative_to(_HOUSE)}", ast.parse(path.read_text()))
        for path in sorted(_HOUSE.rglob("*.py"))
    ]


class HonestyTests(SynchronousTestCase):
    """An option that is said to be honoured has an effect."""

    def setUp(self) -> None:
        catalog.load()
        self.names = index()
        self.sources = _sources()
        self.called: dict[str, int] = {}
        for source in self.sources:
            if not source.path.endswith("__init__.py"):  # which only hands names on
                for name in source.names:
                    self.called[name] = self.called.get(name, 0) + 1

    def test_what_warnings_recommend(self) -> None:
        """A warning recommends only options that have an effect."""
        for text in (RUNNING_AS_ROOT, STILL_ROOT, NOTHING_TO_DO):
            for name in re.findall(r"--([a-z-]+)", text):
                self.assertIs(self.names.support(name), Support.HONOURED, text)

    def is_read(self, section: type[Section], name: str) -> bool:
        """Whether code that somebody calls gets the field *name* of *section*."""
        own = f"{section.__module__.replace('.', '/')}.py"
        for source in self.sources:
            # who is given a section with other things has it as `place.dispatch`
            if not {section.__name__, section.__name__.lower()} & source.names and source.path != own:
                continue
            for part in source.parts:
                is_check = part.owner == section.__name__ and part.name == "check"
                if name in part.reads and not is_check and (not part.name or self.is_called(part.name, own)):
                    return True
            # getattr(files, name) for name in a table of the same module
            if source.path == own and "getattr" in source.names and f"{name}" in source.texts:
                return True
        return False

    def is_called(self, name: str, own: str) -> bool:
        # a special method is called by Python, and doRead and its kin by Twisted
        return name.startswith("__") or bool(self.called.get(name)) or name != name.lower()

    def test_every_option_is_read(self) -> None:
        """Somebody reads each option that a section declares, or it says that it changes nothing."""
        unread = [
            f"{option.name} ({section.__module__}.{section.__name__}.{option.field})"
            for section in self.names.sections
            for option in section.options
            if section.__module__.startswith("uwsgid.")
            and option.name not in ALWAYS_SO | set(BY_NAME)
            and not self.is_read(section, option.field)
        ]
        self.assertEqual(unread, [])

    def test_those_that_change_nothing_say_so(self) -> None:
        """The reference tells of an option without effect why it has none."""
        for name in ALWAYS_SO:
            declared = self.names.declared(name)
            assert declared is not None, name
            self.assertTrue(declared.option.note, name)

    def test_those_that_are_looked_up(self) -> None:
        """What is read by its name is read by its name."""
        texts = {source.path: source.texts for source in self.sources}
        for name, path in BY_NAME.items():
            self.assertIn(name, texts[path], path)

    def test_every_declared_option_of_uwsgi_is_honoured(self) -> None:
        """What a section declares counts as honoured under all the names that uWSGI has for it."""
        for row in KNOWN:
            declared = [name for name in row.names if self.names.declared(name) is not None]
            for name in declared:
                self.assertIs(self.names.support(name), Support.HONOURED, name)
            self.assertIn(len(declared), (0, len(row.names)), row.names)


class WholeHouseTests(SynchronousTestCase):
    def test_no_clash(self) -> None:
        """All sections together declare every name and every letter once."""
        catalog.load()
        names = index()  # raises on a clash
        self.assertIn("harakiri", names)
        self.assertEqual(names.by_letter("p"), "processes")

    def test_the_families(self) -> None:
        """Everything that the master asks for by name is there."""
        catalog.load()
        for name in ("seed", "zygote", "worker"):
            self.assertIn(name, roles)
        for name in ("simple", "threads", "reactor"):
            self.assertIn(name, loop_engines)
        self.assertIn("python", languages)

    def test_no_module_twice(self) -> None:
        """The lists name each module once."""
        listed = (*catalog.CHILDREN, *catalog.MASTER, *catalog.TWISTED_LOOPS)
        self.assertEqual(len(listed), len(set(listed)))

    def test_a_plugin_that_nobody_provides(self) -> None:
        """The error says where plugins come from."""
        with self.assertRaisesRegex(
            ConfigError, "'nix': no package provides it in the group 'uwsgid.plugins'"
        ):
            catalog.load_plugin("nix")


class ImportTests(SynchronousTestCase):
    """What is imported, and what is not, in a fresh interpreter."""

    def modules(self, code: str) -> set[str]:
        code = f"{textwrap.dedent(code)}\nimport sys\nprint(*sys.modules, sep='\\n')"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return set(done.stdout.split())

    def test_no_reactor(self) -> None:
        """Neither the door nor the catalog installs a reactor: no child may inherit one that runs."""
        for code in (
            "import uwsgid.door\nfrom uwsgid.door import catalog\ncatalog.load()",
            "import uwsgid.door.service, uwsgid.door.boot, uwsgid.door.command, uwsgid.__main__",
        ):
            self.assertNotIn("twisted.internet.reactor", self.modules(code))

    def test_children_know_no_twisted(self) -> None:
        """All that seeds, zygotes and simple workers need comes without Twisted."""
        found = self.modules(
            """
            import importlib
            from uwsgid.door.catalog import CHILDREN
            for name in CHILDREN:
                importlib.import_module(name)
            """
        )
        self.assertEqual([name for name in found if name.split(".")[0] in ("twisted", "automat")], [])

    def test_before_a_jail(self) -> None:
        """What the standard library would import at the first use of a name is there before."""
        found = self.modules("from uwsgid.door import catalog\ncatalog.load()")
        self.assertIn("encodings.idna", found)

    def test_nothing_is_forgotten(self) -> None:
        """Every module that declares options or is a member of a family is imported, or promised."""
        found = self.modules("from uwsgid.door import catalog\ncatalog.load()")
        found |= {
            module for family in (alarms, loggers, log_encoders) for module in family._promised.values()
        }
        forgotten = []
        for path in sorted(_HOUSE.rglob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and any(
                    map(_registers, node.decorator_list)
                ):
                    module = ".".join(("uwsgid", *path.relative_to(_HOUSE).with_suffix("").parts))
                    if module not in found:
                        forgotten.append(f"{module}.{node.name}")
        self.assertEqual(forgotten, [])


def _registers(decorator: ast.expr) -> bool:
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (isinstance(call, ast.Name) and call.id == "section") or (
        isinstance(call, ast.Attribute) and call.attr == "member"
    )
