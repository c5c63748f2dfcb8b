"""The options that hooks are written with, read and checked with the rest of the configuration.

::

    hook-<phase> = [!]<action>:<arguments>        any action
    mount-<phase>, umount-<phase>                 the arguments of that action alone
    exec-<phase> = <command>
    call-<phase> = <function>

uWSGI reads them as plain texts and finds a mistake when the phase comes; here nothing starts with one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.kinds import Kind
from uwsgid.config.quoting import first_word
from uwsgid.config.section import Section, option, section
from uwsgid.errors import UnknownMember
from uwsgid.families import hook_actions

# each of these registers its actions
from uwsgid.hooks import calls, files, waiting  # noqa: F401
from uwsgid.hooks.actions import Exec
from uwsgid.hooks.calls import CallOfPhase
from uwsgid.hooks.mounting import MountFileSystem, UnmountFileSystem
from uwsgid.hooks.phases import ORDER, Family, Phase
from uwsgid.hooks.scene import Action

#: Actions of uWSGI that nobody provides, and what they need.
ABSENT: Final[Mapping[str, str]] = {
    "ffi": "libffi, which uwsgid does not have; the actions call and callret call functions of C",
    "perl": "Perl, which uwsgid does not run",
    "retryrpc": "RPC, which uwsgid does not have yet",
    "rpc": "RPC, which uwsgid does not have yet",
    "tcc": "a C compiler in the process, which uwsgid does not have",
}


@dataclass(frozen=True, slots=True)
class Hook:
    """One action of the configuration.

    :ivar option: the option that it stands for, and *origin* where that is.
    :ivar text: as it was written, without what is in *about*.
    :ivar name: of the action; empty where the option says it.
    :ivar private: its text is not logged.
    :ivar about: of ``hook-touch``, the file.
    :ivar namespaces: of ``hook-as-emperor-setns``, what is entered first.
    """

    phase: Phase
    family: Family
    option: str
    origin: Origin
    text: str
    action: Action
    name: str = ""
    private: bool = False
    about: str = ""
    namespaces: tuple[str, ...] = ()

    @property
    def is_fatal(self) -> bool:
        """Whether its failure ends what is under way."""
        facts = self.phase.facts
        return facts.is_fatal and (facts.call_is_fatal or self.family is not Family.CALL)

    @property
    def shown(self) -> str:
        """Its text, unless that is private."""
        return "--- PRIVATE HOOK ---" if self.private else self.text


def parse_action(text: str) -> tuple[str, Action, bool]:
    """Read ``[!]<action>:<arguments>``: the name of the action, the action, and whether it is private.

    :raises ValueError: saying what is wrong with it.
    """
    private = text.startswith("!")
    name, colon, arguments = text.removeprefix("!").partition(":")
    if not colon:
        raise ValueError(f"invalid hook syntax, must be hook:args, got {text!r}")
    if name not in hook_actions and name in ABSENT:
        raise ValueError(f"the hook action {name} needs {ABSENT[name]}")
    try:
        member = hook_actions[name]
    except UnknownMember as error:
        hint = str(error).partition("; ")[2]
        raise ValueError(f"hook action not found: {name}; {hint}") from None
    action: Action = member.parse(arguments)
    return name, action, private


def _hook(directive: Directive) -> Hook:
    phase, text = _phase(directive, Family.HOOK), directive.value or ""
    about, namespaces = "", _NONE
    if phase is Phase.TOUCH:
        about, text = first_word(text)
        if not about or not text:
            raise ValueError(f"expected <file> <action>:<arguments>, got {directive.value!r}")
    elif phase is Phase.AS_EMPEROR_SETNS:
        namespaces, text = _namespaces(text)
    name, action, private = parse_action(text)
    return Hook(
        phase,
        Family.HOOK,
        directive.name,
        directive.origin,
        text,
        action,
        name=name,
        private=private,
        about=about,
        namespaces=namespaces,
    )


_NONE: Final[tuple[str, ...]] = ()
#: The names in ``/proc/<pid>/ns`` that can be entered.
_NAMESPACES: Final = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def _namespaces(text: str) -> tuple[tuple[str, ...], str]:
    names, _, action = text.partition(" ")
    found = tuple(filter(None, names.split(",")))
    if not found or not action or ":" in names:
        raise ValueError(f"expected <namespace>[,<namespace>…] <action>:<arguments>, got {text!r}")
    for name in found:
        if name not in _NAMESPACES:
            raise ValueError(f"unknown namespace {name!r}; known: {', '.join(_NAMESPACES)}")
    return found, action.lstrip(" ")


#: The ends of ``call-…`` that give the function facts of a vassal (core/emperor.c).
_CALL_FACTS: Final[Mapping[str, tuple[Phase, tuple[str, ...]]]] = {
    "as-vassal1": (Phase.AS_VASSAL, ("name",)),
    "as-vassal3": (Phase.AS_VASSAL, ("name", "uid", "gid")),
    "as-emperor1": (Phase.AS_EMPEROR, ("name",)),
    "as-emperor2": (Phase.AS_EMPEROR, ("name", "pid")),
    "as-emperor4": (Phase.AS_EMPEROR, ("name", "pid", "uid", "gid")),
}


def _call(directive: Directive) -> Hook:
    symbol, end = directive.value or "", directive.name.removeprefix("call-")
    if not symbol.strip():
        raise ValueError("expected a function, got none")
    phase, facts = _CALL_FACTS[end] if end in _CALL_FACTS else (Phase(end), ())
    return Hook(phase, Family.CALL, directive.name, directive.origin, symbol, CallOfPhase(symbol, facts))


def _plain(family: Family, parse: Callable[[str], Action]) -> Callable[[Directive], Hook]:
    def read(directive: Directive) -> Hook:
        text = directive.value or ""
        return Hook(_phase(directive, family), family, directive.name, directive.origin, text, parse(text))

    return read


def _phase(directive: Directive, family: Family) -> Phase:
    return Phase(directive.name.removeprefix(f"{family.value}-"))


def _kind(name: str, expected: str, parse: Callable[[Directive], Hook]) -> Kind:
    return Kind(name, expected, parse, many=True, reads_directive=True)


Actions = Annotated[tuple[Hook, ...], _kind("list of actions", "<action>:<arguments>", _hook)]
MountList = Annotated[
    tuple[Hook, ...],
    _kind(
        "list of mounts",
        "<type> <what> <where> [flags [data]]",
        _plain(Family.MOUNT, MountFileSystem.parse),
    ),
]
UmountList = Annotated[
    tuple[Hook, ...],
    _kind("list of umounts", "<where> [flags]", _plain(Family.UMOUNT, UnmountFileSystem.parse)),
]
Commands = Annotated[
    tuple[Hook, ...], _kind("list of commands", "a command", _plain(Family.EXEC, Exec.parse))
]
Calls = Annotated[tuple[Hook, ...], _kind("list of functions", "a function", _call)]


def _helps(family: Family, verb: str) -> dict[str, str]:
    """The help of every option of a family; the first of them is that of the field."""
    return {
        f"{family.value}-{phase.value}": f"{verb} {phase.facts.moment}"
        for phase in ORDER
        if family in phase.facts.families
    }


def _field(family: Family, verb: str, also: Mapping[str, str] | None = None, note: str = "") -> Any:
    (first, help), *others = _helps(family, verb).items()
    return option(first, default=(), help=help, also={**dict(others), **(also or {})}, note=note)


_WITH_FACTS: Final = {
    f"call-{end}": f"call a function with {', '.join(facts)}, {phase.facts.moment}"
    for end, (phase, facts) in _CALL_FACTS.items()
}


@section("Hooks")
class Hooks(Section):
    """Actions that the configuration wants on the way."""

    actions: Actions = _field(
        Family.HOOK,
        "do something",
        note="An action that does not exist, or that can not be read, is an error of the configuration.",
    )
    mounts: MountList = _field(Family.MOUNT, "mount a file system")
    umounts: UmountList = _field(Family.UMOUNT, "unmount a file system")
    commands: Commands = _field(
        Family.EXEC,
        "run a command",
        note="A command that is killed by a signal has failed.  After a reload that kept the devices of "
        "gateways, a failure as root is only logged.",
    )
    calls: Calls = _field(
        Family.CALL,
        "call a function",
        also=_WITH_FACTS,
        note="A function of C, or one of Python as module:function.",
    )

    @property
    def any(self) -> bool:
        """Whether the configuration has any."""
        return bool(self.actions or self.mounts or self.umounts or self.commands or self.calls)

    def of(self, phase: Phase) -> Iterator[Hook]:
        """What runs in *phase*, in the order of uWSGI: the actions, then each of the older lists."""
        for hooks in (self.actions, self.mounts, self.umounts, self.commands):
            yield from (hook for hook in hooks if hook.phase is phase)
        functions = [hook for hook in self.calls if hook.phase is phase]
        yield from sorted(functions, key=lambda hook: hook.option)  # call-as-vassal, …1, …3 (core/emperor.c)
