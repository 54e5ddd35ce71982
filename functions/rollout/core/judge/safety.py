"""Safety: how strongly the minutes of this step speak against "the next weight would hurt".

The same bets as for harm, placed the other way: the null is now that the canary *is* as bad as the margin
or worse, and the evidence grows with every request that is not bad. It starts afresh at each step and is
latched: once the proof has been reached it stands until the next step (Ville again, with β).

The margin. A canary at weight w that has m times the tolerated excess hurts as many requests as the
tolerated excess at 100 % does if m = 1/w. So before going to weight w it is enough to know that the
canary is not beyond

    s = min(10, 1/w),          r_g = 1 + s·(gate_r − 1),          d_g = s·gate_d.

This is the budget of harm of Li, Mao & Bojinov, *Balancing Risk and Reward* (2023), spent evenly over the
steps.

Where higher is better the margin is mirrored: at 100 % the canary must be above 1/gate_r of the base, and
before going to weight w above 1 − s·(1 − 1/gate_r) of it, but never less than a tenth: a canary that
sells nothing is not safe.
"""

from collections.abc import Sequence

from .logs import log_mean_exp
from .settings import MetricKind, Tolerance

KAPPAS = (0.1, 0.3, 0.5, 0.7, 0.85)
KAPPAS_WHERE_HIGHER_IS_BETTER = (1 / 0.1, 1 / 0.3, 1 / 0.5, 1 / 0.7, 1 / 0.85)
EFFECTS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)

LARGEST_SCALE = 10.0
LEAST_SHARE = 0.1


def bets(kind: MetricKind) -> tuple[float, ...]:
    """The grid that a metric of this kind bets on."""
    if kind is MetricKind.BUSINESS_VALUE:
        return EFFECTS
    return KAPPAS_WHERE_HIGHER_IS_BETTER if kind is MetricKind.BUSINESS_COUNT else KAPPAS


def margin(kind: MetricKind, gate: Tolerance, next_weight: float) -> Tolerance:
    """What must be disproved before the weight rises to `next_weight` (a fraction)."""
    scale = min(LARGEST_SCALE, 1.0 / next_weight)
    if kind.higher_is_better:
        return Tolerance(max(LEAST_SHARE, 1.0 - scale * (1.0 - 1.0 / gate.relative)), 0.0)
    return Tolerance(1.0 + scale * (gate.relative - 1.0), scale * gate.absolute)


def grown(wealth: Sequence[float], log_es: Sequence[float]) -> tuple[float, ...]:
    """ln of the wealth of each bet after a minute; `wealth` is empty before the step's first minute."""
    if not wealth:
        return tuple(log_es)
    return tuple([each + gain for each, gain in zip(wealth, log_es, strict=True)])


def log_evidence(wealth: Sequence[float]) -> float:
    """ln of the mean over the bets."""
    return log_mean_exp(wealth) if wealth else 0.0


def reaches(wealth: Sequence[float], log_proof: float) -> bool:
    """Whether the evidence is at least `log_proof`: a mean is never above the largest, which is quick to find."""
    return (max(wealth) if wealth else 0.0) >= log_proof and log_evidence(wealth) >= log_proof
