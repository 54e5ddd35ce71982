"""The decision: what a rollout does next.

Law: this table is the only place where a rollout's next move is decided. A row is a phase and the signal that takes
precedence, a column is what the judge says, a cell is the decision. Stop signals roll back whatever the judge says;
silence (UNPROVEN, OVERDUE) never advances.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rollout.core.signals import SignalKind


class Phase(StrEnum):
    """Where a rollout stands between two decisions."""

    BAKING = "BAKING"  # a canary serves its step's weight
    HELD = "HELD"  # the canary stays as it is until a person says what to do
    PAUSED = "PAUSED"  # a person stopped the ramp; the judge goes on watching
    WATCHING = "WATCHING"  # promoted; alarms and the frozen base still judge
    ENDED = "ENDED"


class Assessment(StrEnum):
    """What the judge says, as far as the decision is concerned."""

    UNPROVEN = "UNPROVEN"  # the bake is not over
    PROVEN = "PROVEN"  # the bake is over and every required metric is proven safe
    OVERDUE = "OVERDUE"  # the bake is over and something is not proven: it may still be extended
    INCONCLUSIVE = "INCONCLUSIVE"  # extended as far as allowed, and still not proven
    HARMFUL = "HARMFUL"  # the canary is worse than tolerated


class Decision(StrEnum):
    """What the workflow does next; "What next?" in the state machine branches on these."""

    CREATE = "CREATE"
    CONTINUE = "CONTINUE"
    EXTEND = "EXTEND"
    HOLD = "HOLD"
    PAUSE = "PAUSE"
    ADVANCE = "ADVANCE"
    LOWER = "LOWER"
    PROMOTE = "PROMOTE"
    ROLL_BACK = "ROLL_BACK"
    STOP = "STOP"
    CLOSE = "CLOSE"
    REJECT = "REJECT"
    REPEATED = "REPEATED"
    WAIT = "WAIT"
    HAND_OVER = "HAND_OVER"
    LOOK_AGAIN = "LOOK_AGAIN"


WAITING = frozenset({Decision.CONTINUE, Decision.EXTEND, Decision.HOLD, Decision.PAUSE})
"""The decisions that lead back to the bake."""

_CONTINUE, _EXTEND, _HOLD, _PAUSE = Decision.CONTINUE, Decision.EXTEND, Decision.HOLD, Decision.PAUSE
_ADVANCE, _PROMOTE, _BACK, _CLOSE = Decision.ADVANCE, Decision.PROMOTE, Decision.ROLL_BACK, Decision.CLOSE

_COLUMNS = (Assessment.UNPROVEN, Assessment.OVERDUE, Assessment.PROVEN, Assessment.INCONCLUSIVE, Assessment.HARMFUL)

_ROWS: dict[tuple[Phase, SignalKind | None], tuple[Decision, ...]] = {
    #                                       UNPROVEN   OVERDUE    PROVEN     INCONCL.   HARMFUL
    (Phase.BAKING, None):                  (_CONTINUE, _EXTEND,   _ADVANCE,  _HOLD,     _BACK),
    (Phase.BAKING, SignalKind.ABORT):      (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.BAKING, SignalKind.ALARM):      (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.BAKING, SignalKind.PROMOTE):    (_PROMOTE,  _PROMOTE,  _PROMOTE,  _PROMOTE,  _BACK),
    (Phase.BAKING, SignalKind.PAUSE):      (_PAUSE,    _PAUSE,    _PAUSE,    _PAUSE,    _BACK),
    (Phase.BAKING, SignalKind.ADVANCE):    (_ADVANCE,  _ADVANCE,  _ADVANCE,  _ADVANCE,  _BACK),
    (Phase.BAKING, SignalKind.APPROVE):    (_CONTINUE, _EXTEND,   _ADVANCE,  _HOLD,     _BACK),
    (Phase.BAKING, SignalKind.RESUME):     (_CONTINUE, _EXTEND,   _ADVANCE,  _HOLD,     _BACK),

    (Phase.HELD, None):                    (_HOLD,     _HOLD,     _HOLD,     _HOLD,     _BACK),
    (Phase.HELD, SignalKind.ABORT):        (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.HELD, SignalKind.ALARM):        (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.HELD, SignalKind.PROMOTE):      (_PROMOTE,  _PROMOTE,  _PROMOTE,  _PROMOTE,  _BACK),
    (Phase.HELD, SignalKind.PAUSE):        (_HOLD,     _HOLD,     _HOLD,     _HOLD,     _BACK),
    (Phase.HELD, SignalKind.ADVANCE):      (_ADVANCE,  _ADVANCE,  _ADVANCE,  _ADVANCE,  _BACK),
    (Phase.HELD, SignalKind.APPROVE):      (_ADVANCE,  _ADVANCE,  _ADVANCE,  _ADVANCE,  _BACK),
    (Phase.HELD, SignalKind.RESUME):       (_HOLD,     _HOLD,     _HOLD,     _HOLD,     _BACK),

    (Phase.PAUSED, None):                  (_PAUSE,    _PAUSE,    _PAUSE,    _PAUSE,    _BACK),
    (Phase.PAUSED, SignalKind.ABORT):      (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.PAUSED, SignalKind.ALARM):      (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.PAUSED, SignalKind.PROMOTE):    (_PROMOTE,  _PROMOTE,  _PROMOTE,  _PROMOTE,  _BACK),
    (Phase.PAUSED, SignalKind.PAUSE):      (_PAUSE,    _PAUSE,    _PAUSE,    _PAUSE,    _BACK),
    (Phase.PAUSED, SignalKind.ADVANCE):    (_ADVANCE,  _ADVANCE,  _ADVANCE,  _ADVANCE,  _BACK),
    (Phase.PAUSED, SignalKind.APPROVE):    (_PAUSE,    _PAUSE,    _PAUSE,    _PAUSE,    _BACK),
    (Phase.PAUSED, SignalKind.RESUME):     (_CONTINUE, _EXTEND,   _CONTINUE, _HOLD,     _BACK),

    (Phase.WATCHING, None):                (_CONTINUE, _CONTINUE, _CLOSE,    _CLOSE,    _BACK),
    (Phase.WATCHING, SignalKind.ABORT):    (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.WATCHING, SignalKind.ALARM):    (_BACK,     _BACK,     _BACK,     _BACK,     _BACK),
    (Phase.WATCHING, SignalKind.PROMOTE):  (_CONTINUE, _CONTINUE, _CLOSE,    _CLOSE,    _BACK),
    (Phase.WATCHING, SignalKind.PAUSE):    (_CONTINUE, _CONTINUE, _CLOSE,    _CLOSE,    _BACK),
    (Phase.WATCHING, SignalKind.ADVANCE):  (_CLOSE,    _CLOSE,    _CLOSE,    _CLOSE,    _BACK),
    (Phase.WATCHING, SignalKind.APPROVE):  (_CONTINUE, _CONTINUE, _CLOSE,    _CLOSE,    _BACK),
    (Phase.WATCHING, SignalKind.RESUME):   (_CONTINUE, _CONTINUE, _CLOSE,    _CLOSE,    _BACK),
}  # fmt: skip

TABLE: dict[tuple[Phase, SignalKind | None, Assessment], Decision] = {
    (phase, signal, assessment): decision
    for (phase, signal), row in _ROWS.items()
    for assessment, decision in zip(_COLUMNS, row, strict=True)
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What the request wants where the table says HOLD or ROLL_BACK.

    on_inconclusive: "hold" or "rollback". on_regression: "rollback", "hold", or "holdAtZero": hold with the canary's
    weight lowered to nothing.
    """

    on_inconclusive: str = "hold"
    on_regression: str = "rollback"

    @property
    def holds_regressions(self) -> bool:
        """Whether a regression is left to a person."""
        return self.on_regression in ("hold", "holdAtZero")


def decide(
    phase: Phase, assessment: Assessment, signal: SignalKind | None, *, last_step: bool, policy: Policy
) -> Decision:
    """The cell of the table, with the request's policy applied and the last step's ADVANCE read as PROMOTE."""
    holds_regressions = policy.holds_regressions and phase is not Phase.WATCHING
    if phase is Phase.HELD and holds_regressions and assessment is Assessment.HARMFUL:
        assessment = Assessment.INCONCLUSIVE  # the person it is held for knows, and may go on all the same
    decision = TABLE[phase, signal, assessment]
    if decision is Decision.ADVANCE and last_step:
        return Decision.PROMOTE
    if decision is Decision.HOLD and phase is not Phase.HELD and policy.on_inconclusive == "rollback":
        return Decision.ROLL_BACK
    if decision is Decision.ROLL_BACK and signal is not SignalKind.ABORT and holds_regressions:
        return Decision.LOWER if policy.on_regression == "holdAtZero" else Decision.HOLD
    return decision
