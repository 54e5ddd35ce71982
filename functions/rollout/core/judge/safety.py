"""Safety: how strongly the blocks of this step speak against "the next weight would hurt".

The same bets as for harm, placed the other way: the null is now that the canary *is* as bad as the margin
or worse, and the evidence grows with every request that is not bad. It starts afresh at each step and is
latched: once the proof has been reached it stands until the next step (Ville again, with β).

The margin. A canary at weight w that has m times the tolerated excess hurts as many requests as the
tolerated excess at 100 % does if m = 1/w. So before going to weight w it is enough to know that the
canary is not beyond

    s = min(10, 1/w),          r_g = 1 + s·(gate_r − 1),          d_g = s·gate_d.

This is the budget of harm of Li, Mao & Bojinov, *Balancing Risk and Reward* (2023), spent evenly over the
steps.

On a bad base that margin is above 1, and disproved by anything. So a second line has to be disproved as well,

    (½, ½):  p_b + (1 − p_b)/2,  a canary that fails half of what the base serves.

The smaller of the two lines is the margin. Each has an e-process of its own; S is the smaller of both, which is
below 20 with probability 1 − β where the canary is beyond the smaller line, because the e-process of that very
line is. (The lines cross at one base rate; this is exact while the base stays on one side of it.)

A base that fails itself proves nothing about a canary that is "no worse". For an advance the canary then must also
be shown to be at most half as bad, p_c < ½·p_b: a third e-process, latched by itself.

Where higher is better the margin is mirrored: at 100 % the canary must be above 1/gate_r of the base, and
before going to weight w above 1 − s·(1 − 1/gate_r) of it, but never less than a tenth: a canary that
sells nothing is not safe.
"""

from collections.abc import Sequence

from .log_space import log_mean_exp
from .plan import Plan, exposed, reachable
from .settings import MetricKind, Tolerance

HALFWAY_TO_ONE = Tolerance(0.5, 0.5)
HALF_AS_BAD = Tolerance(0.5, 0.0)
FAILING_BASE_RATE = 0.2

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


def gates(kind: MetricKind, gate: Tolerance, plan: Plan, step: int) -> tuple[Tolerance, ...]:
    """The margin of each step that an advance may go to, the lowest first.

    In a ramp that of errors is the excess that would cost more than its risk there. For other kinds of metrics, and
    before 100 %, it is the ordinary margin; where that is the same for all, there is one.
    """
    targets, ramp = reachable(plan, step), plan[step].ramp
    if ramp is None or kind is not MetricKind.ERRORS:
        return (margin(kind, gate, exposed(plan, targets[-1])),)
    weights = [exposed(plan, target) for target in targets]
    return tuple([margin(kind, gate, each) if each == 1.0 else Tolerance(1.0, ramp.excess(each)) for each in weights])


def lines(kind: MetricKind, gates: tuple[Tolerance, ...]) -> tuple[Tolerance, ...]:
    """The lines that have an e-process each: the margins, halfway to failing, and half as bad as the base.

    The second is for all counts of which more is worse, the third for errors.
    """
    if kind.higher_is_better:
        return gates
    return (*gates, HALFWAY_TO_ONE, HALF_AS_BAD) if kind is MetricKind.ERRORS else (*gates, HALFWAY_TO_ONE)


def rungs_reached(
    before: int, gates: int, wealths: Sequence[Sequence[float]], log_proof: float, *, most: int | None = None
) -> int:
    """How many of the gates are disproved, from the lowest on, each together with the line halfway to failing; what
    was reached `before` stands. `most`: of so many gates only."""
    reached = before
    while reached < (gates if most is None else most) and reaches(
        (wealths[reached], *wealths[gates : gates + 1]), log_proof
    ):
        reached += 1
    return reached


def rungs_kept(before: int, gates: int, wealths: Sequence[Sequence[float]], log_proof: float) -> int:
    """How many of the gates that were reached are still disproved, now that their evidence has changed."""
    return rungs_reached(0, gates, wealths, log_proof, most=before)


def grown(wealth: Sequence[float], log_es: Sequence[float]) -> tuple[float, ...]:
    """ln of the wealth of each bet after a block; `wealth` is empty before the step's first block."""
    if not wealth:
        return tuple(log_es)
    return tuple([each + gain for each, gain in zip(wealth, log_es, strict=True)])


def log_evidence(wealths: Sequence[Sequence[float]], gates: int = 1, reached: int = 0) -> float:
    """ln S of the lowest gate that is not reached: the smaller of its mean over the bets and that of halfway to
    failing."""
    at = min(reached, gates - 1)
    both = (*wealths[at : at + 1], *wealths[gates : gates + 1])
    return min([log_mean_exp(wealth) for wealth in both if wealth], default=0.0)


def reaches(wealths: Sequence[Sequence[float]], log_proof: float) -> bool:
    """Whether every one of these lines' evidence is at least `log_proof`."""
    # A mean is never above the largest, which is quick to find.
    return all(wealth and max(wealth) >= log_proof and log_mean_exp(wealth) >= log_proof for wealth in wealths)
