"""The options of hooks: what is read, and what is refused before anything runs."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.live.support import ROOT
from uwsgid.config.index import index
from uwsgid.config.known import KNOWN
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.families import hook_actions
from uwsgid.hooks import Family, Hook, Hooks, Phase
from uwsgid.hooks.actions import Print
from uwsgid.hooks.calls import CallOfPhase
from uwsgid.hooks.options import ABSENT, parse_action
from uwsgid.hooks.phases import ORDER


def hooks_of(text: str, phase: Phase) -> list[Hook]:
    return list(settings_of(text)[Hooks].of(phase))


def problem_of(text: str) -> str:
    try:
        settings_of(text)
    except ConfigProblems as error:
        return error.problems[0]
    return ""


class Reading(SynchronousTestCase):
    def test_every_option_is_declared(self) -> None:
        """No option of a hook that uWSGI has is missing."""
        names = index()
        for row in KNOWN:
            for name in row.names:
                family, _, end = name.partition("-")
                phase = end.rstrip("1234") if family == "call" else end
                if family in {one.value for one in Family} and phase in {one.value for one in Phase}:
                    self.assertIsNotNone(names.declared(name), name)

    def test_order_within_a_phase(self) -> None:
        """Actions come first, then mounts, umounts, commands, functions, each as they were written."""
        text = """
            call-as-root = one
            exec-as-root = two
            umount-as-root = /three
            mount-as-root = none none /four
            hook-as-root = print:five
            exec-as-user = other
            exec-as-root = six
            hook-as-root = exec:seven
        """
        self.assertEqual(
            [(hook.family, hook.text) for hook in hooks_of(text, Phase.AS_ROOT)],
            [
                (Family.HOOK, "print:five"),
                (Family.HOOK, "exec:seven"),
                (Family.MOUNT, "none none /four"),
                (Family.UMOUNT, "/three"),
                (Family.EXEC, "two"),
                (Family.EXEC, "six"),
                (Family.CALL, "one"),
            ],
        )

    def test_every_phase(self) -> None:
        """Each phase has its own."""
        lines = [
            f"{family.value}-{phase.value} = {text}"
            for phase in ORDER
            for family, text in (
                (Family.HOOK, "print:x"),
                (Family.MOUNT, "none a b"),
                (Family.UMOUNT, "b"),
                (Family.EXEC, "x"),
                (Family.CALL, "x"),
            )
            if family in phase.facts.families and phase not in (Phase.TOUCH, Phase.AS_EMPEROR_SETNS)
        ]
        read = settings_of("\n".join(lines))[Hooks]
        for phase in ORDER:
            if phase not in (Phase.TOUCH, Phase.AS_EMPEROR_SETNS):
                self.assertEqual([hook.family for hook in read.of(phase)], [*phase.facts.families], phase)

    def test_what_is_kept(self) -> None:
        """A hook knows its option, its place, its action, and can be pickled."""
        (hook,) = hooks_of("\nhook-pre-app = print:hello: you", Phase.PRE_APP)
        self.assertEqual(
            (hook.option, str(hook.origin), hook.name, hook.action, hook.text, hook.private),
            ("hook-pre-app", "lines:2", "print", Print("hello: you"), "print:hello: you", False),
        )
        self.assertEqual(pickle.loads(pickle.dumps(hook)), hook)

    def test_manual(self) -> None:
        """The manual has every phase, and every action by each of its names."""
        manual = (ROOT / "docs" / "hooks.rst").read_text()
        for phase in Phase:
            self.assertIn(f"``{phase.value}``", manual)
        for member in hook_actions:
            for name in (member.name, *member.aliases):
                self.assertRegex(manual, rf"``{name}[:`]", name)
        for name in ABSENT:
            self.assertIn(f"``{name}``", manual)

    def test_private(self) -> None:
        """An exclamation mark hides the text, and is no part of it."""
        (hook,) = hooks_of("hook-as-root = !print:secret", Phase.AS_ROOT)
        self.assertEqual((hook.name, hook.private, hook.shown), ("print", True, "--- PRIVATE HOOK ---"))

    def test_touch(self) -> None:
        """A file is watched for ``hook-touch``."""
        (hook,) = hooks_of('hook-touch = "/my file" exec:make all', Phase.TOUCH)
        self.assertEqual((hook.about, hook.text, hook.name), ("/my file", "exec:make all", "exec"))
        self.assertIn("expected <file> <action>:<arguments>", problem_of("hook-touch = exec:make"))
        self.assertIn("hook-touch: hook action not found", problem_of("hook-touch = /x mak:e"))

    def test_setns(self) -> None:
        """Namespaces stand before what is done in them."""
        (hook,) = hooks_of("hook-as-emperor-setns = net,uts hostname:foo", Phase.AS_EMPEROR_SETNS)
        self.assertEqual((hook.namespaces, hook.name), (("net", "uts"), "hostname"))
        self.assertIn(
            "unknown namespace 'nets'; known: cgroup", problem_of("hook-as-emperor-setns = nets print:x")
        )
        for text in ("print:x", "net", "net,print:x y"):
            self.assertIn("expected <namespace>", problem_of(f"hook-as-emperor-setns = {text}"))

    def test_calls_with_facts(self) -> None:
        """The calls of vassals get more and more facts, and run in that order."""
        text = "call-as-emperor4 = d\ncall-as-emperor2 = c\ncall-as-emperor1 = b\ncall-as-emperor = a"
        self.assertEqual(
            [hook.action for hook in hooks_of(text, Phase.AS_EMPEROR)],
            [
                CallOfPhase("a"),
                CallOfPhase("b", ("name",)),
                CallOfPhase("c", ("name", "pid")),
                CallOfPhase("d", ("name", "pid", "uid", "gid")),
            ],
        )
        text = "call-as-vassal3 = c\ncall-as-vassal1 = b\ncall-as-vassal = a"
        self.assertEqual(
            [hook.action for hook in hooks_of(text, Phase.AS_VASSAL)],
            [CallOfPhase("a"), CallOfPhase("b", ("name",)), CallOfPhase("c", ("name", "uid", "gid"))],
        )

    def test_a_call_has_no_arguments(self) -> None:
        """The whole text is a name, as in uWSGI."""
        (hook,) = hooks_of("call-as-root = foo bar", Phase.AS_ROOT)
        self.assertEqual(hook.action, CallOfPhase("foo bar"))

    def test_fatality(self) -> None:
        """A function that can not be called is no obstacle as root, another failure is one."""
        found = {
            hook.option: hook.is_fatal
            for hook in hooks_of("call-as-root = a\nexec-as-root = b\nhook-as-root = call:c", Phase.AS_ROOT)
        }
        self.assertEqual(found, {"call-as-root": False, "exec-as-root": True, "hook-as-root": True})
        (hook,) = hooks_of("call-pre-jail = a", Phase.PRE_JAIL)
        self.assertTrue(hook.is_fatal)


class Mistakes(SynchronousTestCase):
    def test_place(self) -> None:
        """A mistake is told with its place and its option."""
        self.assertEqual(
            problem_of("\n\nhook-as-root = prnt:hello"),
            "lines:3: hook-as-root: hook action not found: prnt; did you mean print?",
        )

    def test_no_colon(self) -> None:
        """An action has arguments, even if they are empty."""
        self.assertEqual(
            problem_of("hook-asap = print"),
            "lines:1: hook-asap: invalid hook syntax, must be hook:args, got 'print'",
        )
        self.assertIn("invalid hook syntax", problem_of("hook-asap ="))

    def test_all_at_once(self) -> None:
        """All mistakes are told together."""
        with self.assertRaises(ConfigProblems) as caught:
            settings_of(
                "mount-as-root = a\numount-asap = b c d\nexec-pre-app =\ncall-pre-app =\nhook-asap = x"
            )
        self.assertEqual(len(caught.exception.problems), 5)

    def test_absent(self) -> None:
        """What needs something that is not there says so, and pretends nothing."""
        for name in ABSENT:
            self.assertIn(f"the hook action {name} needs ", problem_of(f"hook-as-root = {name}:x"))
        self.assertIn("RPC, which uwsgid does not have yet", problem_of("hook-as-root = rpc:f"))

    def test_names_of_no_version(self) -> None:
        """What no uWSGI knows is not known here."""
        for name in (
            "cdmaster", "rename", "rmdir", "ifup", "ifdown", "rpcretnull", "unix_check", "signal", "unmount",
            "wait_for_mountpoint", "rm",
        ):  # fmt: skip
            self.assertIn(f"hook action not found: {name}", problem_of(f"hook-as-root = {name}:x"))
        self.assertIn("did you mean umount", problem_of("hook-as-root = unmount:/x"))

    def test_plugins(self) -> None:
        """What is absent can be provided by a plugin, and everybody can add actions."""
        self.patch(hook_actions, "_members", dict(hook_actions._members))
        self.patch(hook_actions, "_names", dict(hook_actions._names))
        hook_actions.member("rpc", "cheer")(Print)
        self.assertEqual(parse_action("rpc:x"), ("rpc", Print("x"), False))
        self.assertEqual(parse_action("!cheer:x"), ("cheer", Print("x"), True))

    @given(st.sampled_from(sorted(member.name for member in hook_actions)), st.text(max_size=30))
    @settings(deadline=None, max_examples=300)
    def test_any_arguments(self, name: str, text: str) -> None:
        """Whatever stands behind the colon is read, or refused with a reason."""
        try:
            found, _, private = parse_action(f"{name}:{text}")
        except ValueError as error:
            self.assertTrue(str(error))
        else:
            self.assertEqual((found, private), (name, False))
