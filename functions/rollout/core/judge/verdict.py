"""What the judge can say."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from .effect import Effect
from .explain import two_digits
from .readings import Pair, Totals
from .settings import Tolerance

if TYPE_CHECKING:
    from decimal import Decimal


class Action(StrEnum):
    """What the rollout should do next."""

    CONTINUE = "continue"
    """The bake is not over."""
    EXTEND = "extend"
    """The bake is over, safety is not proven yet, and there is time left."""
    ADVANCE = "advance"
    """Proven safe: on to the next step."""
    PROMOTE = "promote"
    """Proven safe at the last step."""
    HOLD = "hold"
    """Out of time without a proof: a person decides."""
    ROLL_BACK = "rollback"

    @property
    def ends(self) -> bool:
        """Whether the judge has said its last word."""
        return self in {Action.PROMOTE, Action.HOLD, Action.ROLL_BACK}


class Standing(StrEnum):
    """What the judge holds of one metric."""

    HARMFUL = "harmful"
    SAFE = "safe"
    UNDECIDED = "undecided"
    UNMEASURED = "unmeasured"


class MetricVerdict(NamedTuple):
    """One metric: the verdict, its reason in words, and the numbers behind it.

    `log_e`, `log_e_capped`: ln of the evidence of harm over the whole rollout; `log_e_limit` where it
    convicts alone. `log_s`: ln of the evidence of safety in this step. `canary`, `base`: the sums of this
    step. `allowed_rate`: what the tolerance makes of the base's rate in this step; None if the base was
    silent. `effect`: how much worse the canary's rate is in this step, None where that is not measured.
    `would_convict`: the metric is shown only, and would have rolled the rollout back if it decided. `by_fast_lane`:
    `log_e` convicts, for the newest minute alone is bad enough; the reason has that figure.
    """

    name: str
    verdict: Standing
    reason: str
    log_e: float
    log_e_capped: float
    log_e_limit: float
    log_s: float
    canary: Totals
    base: Totals
    allowed_rate: float | None
    dry_run: bool
    required: bool
    effect: Effect | None
    would_convict: bool
    by_fast_lane: bool = False


class Proof(NamedTuple):
    """What a raise of the ramp needs, and how near it is.

    At `weight_percent`, the next weight, the excess that is still tolerated is `margin`: the canary's rate must be
    proven to be below it. `log_s` is ln of the evidence of that, by the metric that has the least of it. `proven`: it
    was enough in some minute of this step, and so it stands.
    """

    metric: str
    weight_percent: Decimal | float
    margin: Tolerance
    log_s: float
    proven: bool

    @property
    def words(self) -> str:
        """Such as "p_c < p_b + 9.5 points"."""
        base = "p_b" if self.margin.relative == 1.0 else f"{self.margin.relative:g} x p_b"
        points = f" + {two_digits(100.0 * self.margin.absolute)} points" if self.margin.absolute else ""
        return f"p_c < {base}{points}"


class Judgement(NamedTuple):
    """What to do next, and why.

    `log_e`, `log_e_capped`: ln of the weighted average of the deciding metrics' evidence; `log_e_limit`
    is ln(1/α). `deciding_metric` is the one the action turned on, None if none did. `next_step` is the one that an
    advance goes to. `proof` is what the next raise of a ramp needs; of another plan None.
    """

    action: Action
    reason: str
    deciding_metric: str | None
    log_e: float
    log_e_capped: float
    log_e_limit: float
    verdicts: tuple[MetricVerdict, ...]
    next_step: int | None = None
    proof: Proof | None = None

    @property
    def would_have_convicted(self) -> dict[str, Pair]:
        """The metrics that are shown only, and would have rolled the rollout back if they decided; with their sums."""
        return {verdict.name: Pair(verdict.canary, verdict.base) for verdict in self.verdicts if verdict.would_convict}
