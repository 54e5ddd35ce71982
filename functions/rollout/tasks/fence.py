"""The fence around every change of a target.

Law: before each write the target is read and must be what we left; after it, it is read back. What somebody else
changed is left alone. A read may show the past, and a write may land late: see `core.certainty`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from rollout.core.certainty import SECOND_LOOK, StateAt, Unclear, is_stale
from rollout.core.decision import Decision
from rollout.core.rollout import Rollout
from rollout.core.target import Canary, TargetState
from rollout.errors import (
    CanaryGone,
    ForeignChange,
    NotAllowed,
    ReadBackDiffers,
    RolloutError,
    Throttled,
)
from rollout.ports import Ports


def verify_unchanged(ports: Ports, rollout: Rollout) -> TargetState:
    """The target as it is, which is as our own hand left it.

    Raises: Unclear (look again), ForeignChange (that was the second look), and what the shifter raises.
    """
    target = rollout.settings.target
    seen = ports.shifter(target).read(target)
    if not _is_expected(rollout, seen):
        raise _doubt(rollout, seen, ports.clock.now())
    return seen


def record_intent(ports: Ports, rollout: Rollout, wanted: TargetState) -> Rollout:
    """The rollout about to bring its target into this state, from wherever our own hand may have left it."""
    target = rollout.settings.target
    shifter = ports.shifter(target)
    return rollout.with_intent(
        *(state for left in rollout.expected_states for state in shifter.transition_path(target, left, wanted)), wanted
    )


def begin(ports: Ports, rollout: Rollout, wanted: TargetState, *, unless_signalled: bool = False) -> Rollout:
    """Announce the write that brings the target into this state; the rollout as saved, which `apply` takes.

    Until it is known what became of the write, the record says that it may still land.
    Raises: what the store raises.
    """
    announced = record_intent(ports, rollout, wanted).write_begun(ports.clock.now())
    return ports.store.save(announced, unless_signalled=unless_signalled)


def apply(
    ports: Ports, rollout: Rollout, wanted: TargetState, *, rolling_back: bool = False, lowering: bool = False
) -> bool:
    """Bring the target into the wanted state; whether anything was seen that had to be done.

    Called again after a lost answer it finds the wanted state and does nothing. The stored record's
    `expected_states` must already hold the wanted state. One who is rolling back does not wait for reads to become
    clear: it acts on whatever our own hand has left, and where nothing is to be done it writes all the same, because
    the answer to a write does not show the past. One who is lowering the weight does not wait either.

    Raises:
        ForeignChange: somebody else changed the target, before the write or during it.
        Unclear: the target shows what a second look must confirm.
        ReadBackDiffers: the write is not visible yet; calling again is safe.
    """
    try:
        return _apply(ports, rollout, wanted, rolling_back=rolling_back, lowering=lowering)
    except (Throttled, NotAllowed, ReadBackDiffers):
        note_answer(ports, rollout)
        raise


def note_answer(ports: Ports, rollout: Rollout) -> None:
    """The write that the rollout announced was answered, and cannot land later; no harm is done if that is lost."""
    if rollout.write_answered() != rollout:
        with suppress(RolloutError):
            ports.store.save(rollout.write_answered())


def clear_away(ports: Ports, rollout: Rollout, seen: TargetState) -> TargetState:
    """Remove the canary if it is exactly ours, whatever else somebody has changed; the target as it is then.

    Raises: what the shifter raises; ForeignChange if the target was changed since it was read.
    """
    if not is_ours(rollout, seen):
        return seen
    target = rollout.settings.target
    return ports.shifter(target).change(target, seen, seen.without_canary())


def is_ours(rollout: Rollout, seen: TargetState) -> bool:
    """Whether the canary there is exactly one that our own hand has made, or brought back.

    Shifting a canary that somebody has removed makes a new one, of the base, without overrides.
    """
    states = (*rollout.expected_states, *(each.state for each in rollout.left))
    ours = [state.canary for state in states if state.canary is not None]
    return seen.canary in ours or seen.canary in [Canary(seen.base, each.weight_percent) for each in ours]


def look_again_at(rollout: Rollout, unclear: Unclear, now: datetime) -> tuple[Rollout, int]:
    """The rollout that remembers what a look has shown, and in how many seconds the next one tells more."""
    if unclear.stale:
        return rollout, int(SECOND_LOOK.total_seconds())
    suspect = rollout.suspect
    names = rollout.settings.watched_variables
    if suspect is None or not suspect.state.agrees_with(unclear.seen, names):
        suspect = StateAt(unclear.seen.only(names), now)
    remaining = (suspect.at + SECOND_LOOK - now).total_seconds()
    return replace(rollout, suspect=suspect), max(1, int(remaining) + (remaining % 1 > 0))


def _apply(
    ports: Ports,
    rollout: Rollout,
    wanted: TargetState,
    *,
    rolling_back: bool,
    lowering: bool,
    refused: TargetState | None = None,
) -> bool:
    """`refused`: what the target shows now that a change of what was read before has been refused."""
    target, names = rollout.settings.target, rollout.settings.watched_variables
    shifter, now = ports.shifter(target), ports.clock.now()
    seen = refused or shifter.read(target)
    stale = (rolling_back or (lowering and seen.canary is not None)) and _is_stale(rollout, seen, now)
    if not stale and not _is_expected(rollout, seen):
        if not _is_brought_back(rollout, seen):
            raise _doubt(rollout, seen, now)
        if not rolling_back:
            # The task whose shift did it takes it away again at once; when it died before it could, the next one does.
            raise _doubt(rollout, shifter.change(target, seen, seen.without_canary()), now)
    if rolling_back and _may_hide_a_canary(rollout, seen, wanted):
        # Before anything else: an alias behind the stage must not be moved while a canary leads to it.
        seen = shifter.remove_canary(target, seen)
        if not _is_expected(rollout, seen) and not _is_stale(rollout, seen, now):
            raise _doubt(rollout, seen, now)
    if seen.agrees_with(wanted, names):
        return False
    beside = wanted.beside(seen, names)
    try:
        answered = shifter.change(target, seen, beside)
    except CanaryGone:
        raise
    except ForeignChange as error:
        # A change that was made, and whose answer was lost on its way here, is refused the second time.
        found = shifter.read(target)
        if found.agrees_with(beside, names):
            return True
        if _is_expected(rollout, found) or _is_stale(rollout, found, now):
            if refused is None and (rolling_back or (lowering and found.canary is not None)):
                return _apply(ports, rollout, wanted, rolling_back=rolling_back, lowering=lowering, refused=found)
            raise ReadBackDiffers(f"{error}; it shows {found}, which may be the past") from error
        raise _doubt(rollout, found, now) from error
    _require(answered, rollout, beside, now)
    after = shifter.read(target)
    if not _is_expected(rollout, after) and not _is_stale(rollout, after, now):
        raise _doubt(rollout, after, now)
    return True


def _may_hide_a_canary(rollout: Rollout, seen: TargetState, wanted: TargetState) -> bool:
    """Whether a read without a canary may show the past: where our own hand has made one, or may have."""
    names = rollout.settings.watched_variables
    as_left = seen.agrees_with(rollout.last_confirmed, names) and not seen.agrees_with(wanted, names)
    return seen.canary is None and rollout.may_have_written and not as_left


def _require(answered: TargetState, rollout: Rollout, wanted: TargetState, now: datetime) -> None:
    """The answer to a write shows what it was to lead to.

    Raises: ReadBackDiffers (what was read before was the past; do it again), ForeignChange.
    """
    names = rollout.settings.watched_variables
    if answered.agrees_with(wanted, names):
        return
    if _is_expected(rollout, answered) or _is_stale(rollout, answered, now):
        raise ReadBackDiffers(f"{rollout.settings.target.key} shows {answered}, wanted {wanted}")
    raise ForeignChange(_difference(wanted, answered, names))


def _is_brought_back(rollout: Rollout, seen: TargetState) -> bool:
    """Whether this is what a shift of ours has made of a target whose canary somebody had removed."""
    return (
        is_ours(rollout, seen)
        and seen.canary is not None
        and seen.canary.revision == seen.base
        and _is_expected(rollout, seen.without_canary(), *(state.without_canary() for state in rollout.expected_states))
    )


def _doubt(rollout: Rollout, seen: TargetState, now: datetime) -> Unclear | ForeignChange:
    """What to raise of a state that our own hand should not have left."""
    names = rollout.settings.watched_variables
    difference = _difference(rollout.last_confirmed, seen, names)
    if _is_stale(rollout, seen, now):
        return Unclear(f"the target shows {seen}, which we left a short while ago", seen, stale=True)
    suspect = rollout.suspect
    if suspect is not None and suspect.state.agrees_with(seen, names) and now - suspect.at >= SECOND_LOOK:
        return ForeignChange(difference)
    return Unclear(difference, seen)


def _is_stale(rollout: Rollout, seen: TargetState, now: datetime) -> bool:
    names = rollout.settings.watched_variables
    under_way = rollout.pending_decision is Decision.ROLL_BACK
    return is_stale(rollout.left, seen, rollout.expected_states, now, names, under_way=under_way)


def _is_expected(rollout: Rollout, seen: TargetState, *others: TargetState) -> bool:
    names = rollout.settings.watched_variables
    return any(seen.agrees_with(state, names) for state in (*rollout.expected_states, *others))


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
