"""All that happens in a phase, one action after the other: what is said, what fails, and who goes on.

Nothing is waited for here; see `uwsgid.hooks.scene`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Final

from uwsgid.errors import ConfigError, KernelError
from uwsgid.hooks.options import Hook, Hooks
from uwsgid.hooks.phases import Family, Phase
from uwsgid.hooks.scene import Doing, Failed, Pause, Scene, Shell

#: What 2.0 says before an instance ends for an action that failed.
FATAL: Final = "FATAL hook failed, destroying instance"

#: Phases whose commands are told the name of the vassal by another variable as well (2.1).
_WITH_CONTEXT: Final = (Phase.AS_ON_DEMAND_VASSAL, Phase.AS_ON_CONFIG_VASSAL)


class HookFailed(ConfigError):
    """An action of a phase in which none may fail did.  Its text has the place, the option and the reason."""


def phase_of(phase: Phase, scene: Scene, *, again: bool = False) -> Doing:
    """Do what the configuration wants in *phase*.

    :param again: what belongs to devices that are still there was done before: what fails ``as-root`` now
        is only logged.
    :raises HookFailed: an action of a fatal phase failed; those behind it are not done.
    """
    if phase in _WITH_CONTEXT and scene.vassal is not None:
        scene.variables = {"UWSGI_HOOK_CONTEXT": scene.vassal.name, **scene.variables}
    yield from chain(scene.settings[Hooks].of(phase), scene, again=again and phase is Phase.AS_ROOT)


def chain(hooks: Iterable[Hook], scene: Scene, *, again: bool = False) -> Doing:
    """Do *hooks* in their order.  Parameters and errors are those of `phase_of`."""
    for hook in hooks:
        line = announcement(hook, scene)
        if line:
            scene.say(line)
        problem = yield from perform(hook, scene)
        if not problem:
            continue
        if again:
            scene.say(f"{problem}, which is no obstacle after a reload that kept its devices")
        elif hook.is_fatal:
            raise HookFailed(problem)
        else:
            scene.say(problem)


def perform(hook: Hook, scene: Scene) -> Generator[Shell | Pause, int, str]:
    """Do one action; what is to be said of it where it failed, else nothing."""
    scene.private = hook.private
    tells_any_code = hook.family is Family.EXEC and hook.phase is Phase.AS_EMPEROR  # core/emperor.c
    try:
        yield from hook.action.perform(scene)
    except Failed as failed:
        reason = failed.discreet if hook.private else failed.text
    except KernelError as error:  # its text ends with "[what it was about]"
        reason = str(error).rpartition(" [")[0] if hook.private else str(error)
    else:
        if tells_any_code:
            scene.say(f'command "{hook.text}" exited with code: 0')
        return ""
    finally:
        scene.private = False
    if tells_any_code:
        reason = reason.replace(" non-zero code: ", " code: ")
    name = f"{hook.name}: " if hook.name else ""
    return f"{hook.origin}: {hook.option}: {name}{reason}"


def announcement(hook: Hook, scene: Scene) -> str:
    """What uWSGI says before it does *hook*; nothing of a function of ``call-…``."""
    label = f"({hook.phase.label})..."
    match hook.family:
        case Family.HOOK:
            shown = hook.shown if hook.private else f'"{hook.text}"'
            return f"running {shown} {label}"
        case Family.MOUNT:
            return f'mounting "{hook.text}" {label}'
        case Family.UMOUNT:
            return f'un-mounting "{hook.text}" {label}'
        case Family.EXEC:
            if hook.phase in (Phase.AS_USER, Phase.AS_USER_ATEXIT):
                kernel = scene.kernel
                label = f"(as uid: {kernel.getuid()} gid: {kernel.getgid()}) ..."
            return f'running "{hook.text}" {label}'
        case Family.CALL:
            return ""
