"""The decision: what a rollout does next.

Law: this table is the only place where a rollout's next decision is made. A row is a phase and the signal that takes
precedence, a column is the judge's assessment, a cell is the decision. A stop signal rolls back for every assessment.
Without proof (UNPROVEN, OVERDUE) the table never advances by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from rollout.core.signals import STOP_SIGNALS, SignalKind


class Phase(StrEnum):
    """The state of a running rollout between two decisions."""

    BAKING = "BAKING"  # a canary serves its step's weight
    HELD = "HELD"  # the canary stays as it is until a person says what to do
    PAUSED = "PAUSED"  # an actor paused it: the weight is not raised; judge and alarms go on
    WATCHING = "WATCHING"  # promoted; alarms still roll back, and the frozen base is compared with
    ENDED = "ENDED"


class Assessment(StrEnum):
    """The judge's result, as one column of the table."""

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
    EXPLAIN = "EXPLAIN"
    CLOSE = "CLOSE"
    REJECT = "REJECT"
    REPEATED = "REPEATED"
    PASS_OVER = "PASS_OVER"
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


OnInconclusive = Literal["hold", "rollback"]
OnRegression = Literal["rollback", "hold", "holdAtZero"]
OnRegressionAfterPromotion = Literal["tell", "rollback"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the request wants where the table says HOLD (on_inconclusive) or ROLL_BACK (on_regression).

    holdAtZero: hold with the canary's weight lowered to nothing. on_regression_after_promotion: what a candidate comes
    to that is worse than the frozen base; an alarm rolls it back all the same.
    """

    on_inconclusive: OnInconclusive = "hold"
    on_regression: OnRegression = "rollback"
    on_regression_after_promotion: OnRegressionAfterPromotion = "rollback"

    @property
    def holds_regressions(self) -> bool:
        """Whether a regression is left to a person."""
        return self.on_regression in ("hold", "holdAtZero")


def brought_about(phase: Phase, assessment: Assessment, signal: SignalKind) -> bool:
    """Whether the decision is the signal's and not the judge's.

    A stop signal's always is. Any other signal's is not when the canary is harmful, nor when the signal has no effect
    in this phase.
    """
    if signal in STOP_SIGNALS:
        return True
    unproven = Assessment.UNPROVEN
    return assessment is not Assessment.HARMFUL and TABLE[phase, signal, unproven] != TABLE[phase, None, unproven]


def decide(
    phase: Phase, assessment: Assessment, signal: SignalKind | None, *, last_step: bool, policy: Policy
) -> Decision:
    """The cell of the table, with the request's policy applied and the last step's ADVANCE read as PROMOTE."""
    holds_regressions = policy.holds_regressions and phase is not Phase.WATCHING
    if phase is Phase.HELD and holds_regressions and assessment is Assessment.HARMFUL:
        assessment = Assessment.INCONCLUSIVE  # it is held because of this harm; the person who decides may go on
    decision = TABLE[phase, signal, assessment]
    if decision is Decision.ADVANCE and last_step:
        return Decision.PROMOTE
    if decision is Decision.HOLD and phase is not Phase.HELD and policy.on_inconclusive == "rollback":
        return Decision.ROLL_BACK
    if decision is Decision.ROLL_BACK and signal is not SignalKind.ABORT and holds_regressions:
        return Decision.LOWER if policy.on_regression == "holdAtZero" else Decision.HOLD
    return decision
