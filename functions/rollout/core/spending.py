"""What a rollout costs, and may cost, in bad requests: those of the canary beyond what the base's rate explains.

The excess of a minute is x_c − n_c·x_b/n_b, the base's rate being that of the same minute, so that what fails for
both costs nothing. What the base would have had is an estimate: its variance, (n_c/n_b)²·x_b, is summed up too, and
only what is left after two standard errors is taken for spent. It is a matter of money and not of odds: it says nothing
about why the canary is worse, and nothing about the future.
"""

from __future__ import annotations

from math import floor, sqrt
from typing import NamedTuple

from rollout.core.judge import Count, Evidence, JudgeSettings, MetricKind, MinuteReading

STANDARD_ERRORS = 2.0
MINUTES_A_DAY = 1_440


class ErrorBudget(NamedTuple):
    """This share (of 1) of the requests that may fail in so many days by an objective of `slo_percent`."""

    slo_percent: float
    window_days: float
    share: float

    @property
    def seconds(self) -> float:
        """The seconds of a full outage that it allows, at any traffic."""
        return self.share * (1.0 - self.slo_percent / 100.0) * self.window_days * MINUTES_A_DAY * 60.0

    def requests(self, requests_per_minute: float) -> int:
        """The bad requests that it allows at this traffic; none where there is no traffic."""
        allowed = (1.0 - self.slo_percent / 100.0) * self.window_days * MINUTES_A_DAY * requests_per_minute
        return floor(self.share * allowed + 1e-9)


class Excess(NamedTuple):
    """Bad requests of the canary beyond the base's rate, and the variance of what the base's rate explains."""

    requests: float = 0.0
    variance: float = 0.0

    @property
    def spent(self) -> float:
        """What was spent for sure; not below 0."""
        return max(0.0, self.requests - STANDARD_ERRORS * sqrt(self.variance))

    def plus(self, reading: MinuteReading, evidence: Evidence, judge: JudgeSettings) -> Excess:
        """With one more minute. Where the base had no request in it, its rate over the whole rollout stands for it."""
        name = counted(judge)
        pair = reading.pairs.get(name) if name else None
        if name is None or pair is None or not isinstance(pair.canary, Count):
            return self
        canary, base = pair.canary, pair.base
        requests, bad = evidence.metrics[name].past_base
        rate = bad / requests if requests else 0.0
        if isinstance(base, Count) and base.requests:
            odds = canary.requests / base.requests
            variance = odds * odds * max(base.bad, base.requests * rate)
            return Excess(self.requests + canary.bad - odds * base.bad, self.variance + variance)
        return Excess(self.requests + canary.bad - canary.requests * rate, self.variance)


NOTHING_SPENT = Excess()


def counted(judge: JudgeSettings) -> str | None:
    """The metric whose bad requests are counted: the first errors metric that decides."""
    return next((each.name for each in judge.metrics if each.decides and each.kind is MetricKind.ERRORS), None)
