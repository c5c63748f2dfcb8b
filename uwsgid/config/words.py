"""The words of the configuration language: lines that act on the reading itself.

``set`` and its kin make placeholders, ``declare-option`` makes options, ``blacklist`` and ``whitelist``
forbid some from here on, ``print`` talks, ``exit`` leaves.  Those that load files are in
`uwsgid.config.reading`, those that open and close blocks in `uwsgid.config.logic`.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Final

from uwsgid.config.custom import CustomOption
from uwsgid.config.directive import Directive
from uwsgid.config.environ import read_envdir
from uwsgid.config.facts import Facts
from uwsgid.config.lexicon import Lexicon
from uwsgid.config.loading import Loader
from uwsgid.errors import ConfigError


class LeaveNow(Exception):
    """The configuration asked to leave, with ``exit``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Words:
    """The words, and what they left behind.

    :param environ: ``early-envdir`` changes it.
    :param append: adds a line to the list, at once.
    :ivar placeholders: names made by ``set`` and its kin, or declared.
    :ivar customs: the options that the configuration declared, by name.
    :ivar variables: what ``early-envdir`` changed; None for what it unset.
    :ivar fallback: the last ``fallback-config``.
    """

    def __init__(
        self,
        environ: MutableMapping[str, str],
        facts: Facts,
        lexicon: Lexicon,
        loader: Loader,
        append: Callable[[Directive], None],
    ) -> None:
        self.placeholders: set[str] = set()
        self.customs: dict[str, CustomOption] = {}
        self.variables: dict[str, str | None] = {}
        self.fallback: str | None = None
        self._environ = environ
        self._facts = facts
        self._lexicon = lexicon
        self._loader = loader
        self._append = append
        self._blacklist: frozenset[str] = frozenset()
        self._whitelist: frozenset[str] | None = None
        self._now: Final = {
            "set": self._set,
            "set-placeholder": self._set_placeholder,
            "set-ph": self._set_placeholder,
            "resolve": self._resolve,
            "declare-option": self._declare,
            "iprint": self._print,
            "exit": self._exit,
            "blacklist": self._forbid,
            "whitelist": self._allow,
            "end-blacklist": self._forbid_nothing,
            "end-whitelist": self._allow_all,
            "fallback-config": self._note_fallback,
            "early-envdir": self._read_envdir,
            "inject-before": self._inject_before,
            "inject-after": self._inject_after,
        }
        self._late: Final = {"declare-option2": self._declare, "print": self._print}

    def check(self, name: str) -> None:
        """Whether *name* may be used here.

        :raises ConfigError: when a list forbids it.
        """
        if name in self._blacklist:
            raise ConfigError(f'uWSGI error: forbidden option "{name}" (by blacklist)')
        if self._whitelist is not None and name not in self._whitelist:
            raise ConfigError(f'uWSGI error: forbidden option "{name}" (by whitelist)')

    def act(self, directive: Directive) -> None:
        """Do what a line says when it is met; nothing, where it is no word.

        :raises ConfigError: when it makes no sense.
        :raises LeaveNow: for ``exit``.
        """
        if (word := self._now.get(directive.name)) is not None:
            word(directive)

    def act_late(self, directive: Directive) -> None:
        """Do what a line says once the list is there."""
        if (word := self._late.get(directive.name)) is not None:
            word(directive)

    def _pair(self, directive: Directive) -> tuple[str, str]:
        name, equals, value = (directive.value or "").partition("=")
        if not equals or not name:
            raise ConfigError(f"invalid placeholder/--set value {directive.value!r}; write NAME=VALUE")
        return name, value

    def _placeholder(self, name: str, value: str, directive: Directive) -> None:
        self.placeholders.add(name)
        self._append(Directive(name, value, directive.origin))

    def _set(self, directive: Directive) -> None:
        # also an option, as in 2.0; 1.9.16 runs it only if it is an immediate one (core/config.c)
        self._placeholder(*self._pair(directive), directive)

    def _set_placeholder(self, directive: Directive) -> None:
        name, value = self._pair(directive)
        if self._lexicon.takes(name) is not None:
            raise ConfigError(f"you cannot use {name} as a placeholder, it is already available as an option")
        self._placeholder(name, value, directive)

    def _resolve(self, directive: Directive) -> None:
        name, host = self._pair(directive)
        if self._facts.resolve is None:
            raise ConfigError(f"{directive.value}: this reading may not ask the network for addresses")
        try:
            address = self._facts.resolve(host)
        except OSError as error:
            raise ConfigError(f"unable to resolve {host}: {error.strerror or error}") from error
        self._placeholder(name, address, directive)

    def _declare(self, directive: Directive) -> None:
        custom = CustomOption.declared(directive)
        self.customs.setdefault(custom.name, custom)
        self._lexicon.declare(custom.name, custom.takes)
        self.placeholders.add(custom.name)

    def _print(self, directive: Directive) -> None:
        self._loader.notices.append(directive.value or "")

    def _exit(self, directive: Directive) -> None:
        text = (directive.value or "1").strip()  # 1 where no code is given
        if not (text.isascii() and text.isdigit() and int(text) < 256):
            raise ConfigError(f"exit: expected a code from 0 to 255, got {directive.value!r}")
        raise LeaveNow(int(text))

    def _forbid(self, directive: Directive) -> None:
        self._blacklist = frozenset((directive.value or "").split())

    def _allow(self, directive: Directive) -> None:
        self._whitelist = frozenset((directive.value or "").split())

    def _forbid_nothing(self, directive: Directive) -> None:
        self._blacklist = frozenset()

    def _allow_all(self, directive: Directive) -> None:
        self._whitelist = None

    def _note_fallback(self, directive: Directive) -> None:
        self.fallback = directive.value

    def _read_envdir(self, directive: Directive) -> None:
        for name, value in read_envdir(directive.value or "").items():
            self.variables[name] = value
            if value is None:
                self._environ.pop(name, None)
            else:
                self._environ[name] = value

    def _inject_before(self, directive: Directive) -> None:
        self._loader.before.append(directive.value or "")

    def _inject_after(self, directive: Directive) -> None:
        self._loader.after.append(directive.value or "")
