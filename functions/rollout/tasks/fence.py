"""The fence around every change of a target.

Law: before each write the target is read and must be what we left; after it, it is read back. What somebody else
changed is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rollout.core.rollout import Rollout
from rollout.core.target import Canary, TargetState
from rollout.errors import ForeignChange, ReadBackDiffers
from rollout.ports import Ports


def verify_unchanged(ports: Ports, rollout: Rollout) -> TargetState:
    """The target as it is, which is as our own hand left it.

    Raises: ForeignChange, and what the shifter raises.
    """
    target = rollout.settings.target
    seen = ports.shifter(target).read(target)
    if not _is_ours(seen, rollout.expected_states, rollout.settings.watched_variables):
        raise ForeignChange(_difference(rollout.last_confirmed, seen, rollout.settings.watched_variables))
    return seen


def record_intent(ports: Ports, rollout: Rollout, wanted: TargetState) -> Rollout:
    """The rollout about to bring its target into this state, from wherever our own hand may have left it."""
    target = rollout.settings.target
    shifter = ports.shifter(target)
    return rollout.with_intent(
        *(state for left in rollout.expected_states for state in shifter.transition_path(target, left, wanted)), wanted
    )


def apply(ports: Ports, rollout: Rollout, wanted: TargetState) -> bool:
    """Bring the target into the wanted state; whether anything had to be done.

    Called again after a lost answer it finds the wanted state and does nothing. The stored record's
    `expected_states` must already hold the wanted state.

    Raises:
        ForeignChange: somebody else changed the target, before the write or during it.
        ReadBackDiffers: the write is not visible yet; calling again is safe.
    """
    target, names = rollout.settings.target, rollout.settings.watched_variables
    shifter = ports.shifter(target)
    try:
        seen = verify_unchanged(ports, rollout)
    except ForeignChange:
        _take_away_what_came_back(ports, rollout)
        raise
    if seen.agrees_with(wanted, names):
        return False
    if wanted.canary is not None and seen.canary is None and rollout.last_confirmed == wanted:
        raise ReadBackDiffers(f"{target.key}: {wanted.canary} was made and is not shown; it is not made a second time")
    beside = wanted.beside(seen, names)
    try:
        shifter.change(target, seen, beside)
    except ForeignChange:
        # A change that was made, and whose answer was lost on its way here, is refused the second time.
        if not shifter.read(target).agrees_with(beside, names):
            raise
    after = shifter.read(target)
    if after.agrees_with(beside, names):
        return True
    if not _is_ours(after, rollout.expected_states, names):
        raise ForeignChange(_difference(beside, after, names))
    if wanted.canary is not None and after.canary is None:
        _remember_that_it_was_made(ports, rollout, wanted)
    raise ReadBackDiffers(f"{target.key} still shows {after}, wanted {wanted}")


def _remember_that_it_was_made(ports: Ports, rollout: Rollout, wanted: TargetState) -> None:
    """The canary is not shown yet, or somebody has removed it again: a retry may look for it, and not make it again."""
    ports.store.save(
        replace(rollout, expected_states=(wanted, *(state for state in rollout.expected_states if state != wanted)))
    )


def _take_away_what_came_back(ports: Ports, rollout: Rollout) -> None:
    """Shifting a canary that somebody has just removed makes a new one, of the base. The task that did it takes that
    away again at once; when it died before it could, the next one does.
    """
    target, intended = rollout.settings.target, rollout.expected_states[-1].canary
    shifter = ports.shifter(target)
    seen = shifter.read(target)
    if rollout.half_done and intended is not None and seen.canary == Canary(seen.base, intended.weight_percent):
        shifter.change(target, seen, seen.without_canary())


def _is_ours(seen: TargetState, ours: Sequence[TargetState], names: frozenset[str]) -> bool:
    return any(seen.agrees_with(state, names) for state in ours)


def _difference(left: TargetState, seen: TargetState, names: frozenset[str]) -> str:
    """What somebody else changed, in words."""
    changes = []
    if seen.base != left.base:
        changes.append(f"the base is {seen.base}, was {left.base}")
    if seen.canary != left.canary:
        changes.append(f"there is {seen.canary or 'no canary'}, was {left.canary or 'no canary'}")
    changes.extend(
        f"alias {name} is on {seen.aliases.get(name)}, was on {version}"
        for name, version in sorted(left.aliases.items())
        if seen.aliases.get(name) != version
    )
    changes.extend(
        f"stage variable {name} is {seen.variables.get(name)!r}, was {left.variables.get(name)!r}"
        for name in sorted(names)
        if seen.variables.get(name) != left.variables.get(name)
    )
    return "somebody else changed the target: " + "; ".join(changes)
