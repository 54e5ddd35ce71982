"""Before a rollout starts: what each step can prove, and how large a regression it can see.

The traffic is taken as steady, and a minute as the mean of what it brings, so these are estimates.
"Smallest regression" is the one that is convicted within the bake with a probability of about 80 %, if it
starts with the step:

    ln π + ln Σ over the bets of weight·exp(T·m − 0.84·√(T·v)) ≥ ln(1/(α·share)),

m and v being the mean and the variance of a minute's ln e (normal, but for the cap), T the bake in
minutes and π the stake on that start: the evidence at its lower fifth, by the normal approximation. The
learning bet is taken as it is when half the bake is known. What
earlier steps have shown and the stakes of the later minutes are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, erf, exp, log, pi, sqrt
from typing import NamedTuple

from . import explain, harm, safety
from .counts import harm_log_es, safety_log_es
from .log_space import log_mean_exp, log_sum_exp
from .minute import Arm, plugin_rate
from .plan import Plan, later_starts
from .ramp import LONGEST_MINUTES
from .settings import JudgeSettings, MetricKind, MetricSettings, Tolerance

HISTORY_MINUTES = 30
_Z80 = 0.8416
"""The 80 % quantile of the normal distribution."""
_NARROWING = 40
_MANY = 10.0
"""From so many requests a minute on, fractions of one are not shown."""
_A_LARGE_FACTOR = 10.0


class BaseTraffic(NamedTuple):
    """What the target gets now: requests a minute in all, and the fraction of them that is bad."""

    requests_per_minute: float
    bad_rate: float


class MetricPreview(NamedTuple):
    """One metric in one step.

    `clean_proof_requests`: canary requests that prove safety if none of them is bad (for a business
    count: if as many as the base's bring the event; None if nothing does). `proof_minutes`: until a
    canary as good as the base is proven safe; None if not before the step must hold. Both are None in a step that is
    judged for harm only. `smallest_rate`: the
    mildest canary rate that the bake convicts with about 80 %, None if there is none; `smallest_factor`
    the same as a multiple of the base's rate, None also if that is 0.
    """

    name: str
    clean_proof_requests: int | None
    proof_minutes: int | None
    smallest_rate: float | None
    smallest_factor: float | None


class StepPreview(NamedTuple):
    """One step (from 0): its metrics, and what to be warned of, in words."""

    step: int
    metrics: tuple[MetricPreview, ...]
    warnings: tuple[str, ...]


def preview(settings: JudgeSettings, plan: Plan, traffic: Mapping[str, BaseTraffic]) -> tuple[StepPreview, ...]:
    """Every step of a plan, for the deciding metrics whose traffic is known.

    Business values are left out: how far they can see depends on their spread, which is not known beforehand.
    """
    return tuple(_step(settings, plan, step, traffic) for step in range(len(plan)))


def requests_to_prove(base_rate: float, margin: Tolerance, beta: float) -> int:
    """Canary requests, none of them bad, that prove a canary below `margin`, the base's rate being known
    for sure."""
    limit = margin.of(base_rate)
    gains = [limit - min(1.0, kappa * limit) for kappa in safety.KAPPAS]
    return _least(lambda requests: _proves(requests, gains, -log(beta)))


def _step(settings: JudgeSettings, plan: Plan, step: int, traffic: Mapping[str, BaseTraffic]) -> StepPreview:
    previews, warnings = [], []
    for metric in settings.metrics:
        base = traffic.get(metric.name)
        if base is None or metric.dry_run or metric.kind is MetricKind.BUSINESS_VALUE:
            continue
        look = _Look(settings, plan, step, metric, base)
        one = look.preview()
        previews.append(one)
        warnings += look.warnings(one)
    return StepPreview(step, tuple(previews), tuple(warnings))


class _Look:
    """One metric in one step under steady traffic."""

    def __init__(
        self, settings: JudgeSettings, plan: Plan, step: int, metric: MetricSettings, base: BaseTraffic
    ) -> None:
        self.settings, self.plan, self.step, self.metric = settings, plan, step, metric
        self.bake = plan[step].bake_minutes
        self.longest = LONGEST_MINUTES if plan[step].ramp else ceil(self.bake * settings.max_bake_factor - 1e-9)
        self.all_requests, self.rate = base
        self.canary_requests = base.requests_per_minute * plan[step].weight
        self.base_requests = base.requests_per_minute - self.canary_requests
        history = HISTORY_MINUTES * base.requests_per_minute
        self.guess = plugin_rate((history, history * base.bad_rate))
        gates = safety.gates(metric.kind, settings.gate, plan, step)[:1]
        lines = safety.lines(metric.kind, gates)
        fails = metric.gates and self.rate >= safety.FAILING_BASE_RATE
        self.lines = lines if fails else lines[:2]
        self.gates = metric.gates and not plan[step].harm_only

    def preview(self) -> MetricPreview:
        smallest = self._smallest_rate()
        factor = None if smallest is None or not self.rate else smallest / self.rate
        if self.plan[self.step].harm_only:
            return MetricPreview(self.metric.name, None, None, smallest, factor)
        return MetricPreview(self.metric.name, self._clean_proof(), self._proof_minutes(), smallest, factor)

    def warnings(self, seen: MetricPreview) -> list[str]:
        name = explain.display_name(self.metric.name)
        traffic = f"{self.all_requests:,.0f}" if self.all_requests >= _MANY else f"{self.all_requests:g}"
        what = "the control" if self.plan[self.step].harm_only else "this step"
        at = f"at {traffic} requests a minute {what}"
        weight = explain.weight(self.plan[self.step].weight_percent)
        words = []
        if self.gates and seen.proof_minutes is None:
            words.append(f"{at} will hold: {self._shortage(seen.clean_proof_requests)} at {weight}")
        elif self.gates and self.plan[self.step].ramp is None and (seen.proof_minutes or 0) > self.bake:
            words.append(
                f"{at} will take longer: a proof of safety of {name} needs about {seen.proof_minutes} min "
                f"at {weight}, its bake is {self.bake} min"
            )
        if self.plan[self.step].ramp is not None:
            return words  # a rung lasts until it is proven; what is seen in its three minutes says little
        if seen.smallest_rate is None:
            words.append(f"{at} is blind: no regression of {name} can be seen at {weight} in {self.bake} min")
        elif self.metric.gates and (seen.smallest_factor or 0.0) >= _A_LARGE_FACTOR:
            # Of the others a wide tolerance is the reason, not the plan.
            words.append(
                f"{at} sees little: {name} must rise from {explain.two_digits(100 * self.rate)}% to about "
                f"{explain.two_digits(100 * seen.smallest_rate)}% to be noticed at {weight} in {self.bake} min"
            )
        return words

    def _shortage(self, requests: int | None) -> str:
        name = explain.display_name(self.metric.name)
        if requests is None:
            return f"the base has too little of {name} to prove anything by"
        canary, base = self.canary_requests * self.longest, self.base_requests * self.longest
        if canary < requests:
            return (
                f"{name} needs {requests:,} canary requests, all good, to be proven safe, and {self.longest} min "
                f"bring {canary:,.0f}"
            )
        return (
            f"where {explain.two_digits(100 * self.rate)}% of the base's requests count as bad, the {canary:,.0f} "
            f"canary and {base:,.0f} base requests of {self.longest} min are too few to prove {name} safe"
        )

    def _arms(self, canary_rate: float) -> tuple[Arm, Arm]:
        """What a minute is expected to bring."""
        canary = (self.canary_requests, self.canary_requests * canary_rate)
        return canary, (self.base_requests, self.base_requests * self.rate)

    def _safety_gains(self, canary_rate: float) -> list[list[float]]:
        """A minute's ln e of each bet, for each line."""
        canary, base = self._arms(canary_rate)
        return [safety_log_es(self.metric, line, canary, base, self.guess) for line in self.lines]

    def _clean_proof(self) -> int | None:
        if self.metric.kind is not MetricKind.BUSINESS_COUNT:
            return max(
                requests_to_prove(self.rate, line, self.settings.beta) for line in self.lines if line.of(self.rate)
            )
        if not self.canary_requests:
            return None
        # With no events at all nothing is proven here: "clean" means as good as the base.
        gains = [gain / self.canary_requests for gain in self._safety_gains(self.rate)[0]]
        if max(gains) <= 0.0:
            return None
        return _least(lambda requests: _proves(requests, gains, self.settings.log_proof))

    def _proof_minutes(self) -> int | None:
        gains = self._safety_gains(self.rate)
        for minutes in range(1, self.longest + 1):
            if all(_proves(minutes, each, self.settings.log_proof) for each in gains):
                return minutes
        return None

    def _smallest_rate(self) -> float | None:
        """Between what is tolerated, which is never convicted, and the worst there is, by halving."""
        higher_is_better = self.metric.kind is MetricKind.BUSINESS_COUNT
        unseen, seen = min(1.0, self.metric.line(self.rate).of(self.rate)), 0.0 if higher_is_better else 1.0
        if not self._convicts(seen):
            return None
        for _ in range(_NARROWING):
            middle = (unseen + seen) / 2.0
            unseen, seen = (unseen, middle) if self._convicts(middle) else (middle, seen)
        return seen

    def _convicts(self, canary_rate: float) -> bool:
        """Whether the bake convicts such a canary with about 80 %."""
        share = self.settings.shares()[self.metric.name]
        cap = self.settings.log_cap(share)
        canary, base = self._arms(canary_rate)
        half_a_bake = self.bake / 2.0
        past = canary[0] * half_a_bake, canary[1] * half_a_bake
        means = harm_log_es(self.metric, canary, base, self.guess, past)
        # ln e is linear in the counts: one bad request more, and we have its slope.
        slopes = (
            harm_log_es(self.metric, (canary[0], canary[1] + 1.0), base, self.guess, past),
            harm_log_es(self.metric, canary, (base[0], base[1] + 1.0), self.guess, past),
        )
        spreads = (canary[1] * (1.0 - canary_rate), base[1] * (1.0 - self.rate))
        lower_fifths = []
        for mean, with_canary, with_base in zip(means, *slopes, strict=True):
            variance = (with_canary - mean) ** 2 * spreads[0] + (with_base - mean) ** 2 * spreads[1]
            capped_mean, capped_variance = _capped(mean, variance * self.metric.phi, cap)
            lower_fifths.append(self.bake * capped_mean - _Z80 * sqrt(self.bake * capped_variance))
        stake = harm.FIRST_MINUTE if self.step == 0 else harm.LATER_STARTS / later_starts(self.plan)
        weights = harm.log_weights(self.metric.kind)
        weighted = [weight + each for weight, each in zip(weights, lower_fifths, strict=True)]
        return log(stake) + log_sum_exp(weighted) >= self.settings.log_limit(share)


def _proves(times: float, gains: Sequence[float], needed: float) -> bool:
    return log_mean_exp([times * gain for gain in gains]) >= needed


def _least(proves: Callable[[int], bool]) -> int:
    """The least number, from 1, that proves; every larger one does too."""
    enough = 1
    while not proves(enough):
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        too_few, enough = (too_few, middle) if proves(middle) else (middle, enough)
    return enough


def _capped(mean: float, variance: float, cap: float) -> tuple[float, float]:
    """Mean and variance of min(X, cap), of a normal X."""
    if variance <= 0.0:
        return min(mean, cap), 0.0
    spread, room = sqrt(variance), cap - mean
    below = 0.5 * (1.0 + erf(room / (spread * sqrt(2.0))))
    edge = spread * exp(-0.5 * (room / spread) ** 2) / sqrt(2.0 * pi)
    shortfall = room * below + edge
    squared = (room * room + variance) * below + room * edge
    return cap - shortfall, max(0.0, squared - shortfall * shortfall)
