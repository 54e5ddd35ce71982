"""Is what was measured what was sent?

The split between the arms is drawn for each request, so of N requests in a minute the smaller arm's n is
binomial with its weight u, whatever either arm answers. A series that has lost points, or that counts
something else, has another share; to judge it would be to judge the wrong requests. A share within a tenth of
the weight is no reason for doubt, so the null is a share between 0.9·u and 1.1·u. Against it stand four
others, u′ = u/2, 2u/3, 3u/2 and min(2u, (1 + u)/2):

    e = ¼·Σ over u′ of (u′/u°)^n · ((1 − u′)/(1 − u°))^(N − n),          u° = 0.9·u or 1.1·u, the nearer to u′.

Valid because for a share p inside the null E[(u′/u°)^n·((1−u′)/(1−u°))^(N−n)] = (p·u′/u° + (1−p)·(1−u′)/(1−u°))^N,
which is 1 at p = u° and moves below 1 from there into the null: the exponent's base is linear in p. A minute's
factor is at most 16, which only makes it smaller, so that no single minute decides. It starts afresh at each
step; from 1,000:1 on the source is doubted until the step ends.

In the minute in which the weight changes, the null reaches from 0.9 times the lower to 1.1 times the upper
weight.
"""

from functools import lru_cache
from math import log, log1p
from typing import NamedTuple, Self

from .log_space import log_mean_exp

LOG_LIMIT = log(1000.0)
LOG_LARGEST_FACTOR = log(16.0)
SLACK = 0.1


class Split(NamedTuple):
    """What one source of metrics has shown of the split in this step.

    `canary` and `total` are the requests of the minutes tested, `logs` the ln of the e-process of each u′.
    """

    canary: int = 0
    total: int = 0
    logs: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    doubted: bool = False

    @property
    def share(self) -> float:
        """The canary's share of what was measured."""
        return self.canary / self.total if self.total else 0.0

    def after(self, canary: int, base: int, lower: float, upper: float) -> Self:
        """With one more minute, in which the canary's weight was between `lower` and `upper` (fractions)."""
        total = canary + base
        if not total:
            return self
        canary_is_smaller = upper <= 0.5
        smaller = canary if canary_is_smaller else base
        slopes = _slopes(lower, upper) if canary_is_smaller else _slopes(1.0 - upper, 1.0 - lower)
        logs = tuple(
            [
                before + min(LOG_LARGEST_FACTOR, smaller * hit + (total - smaller) * miss)
                for before, (hit, miss) in zip(self.logs, slopes, strict=True)
            ]
        )
        doubted = self.doubted or log_mean_exp(logs) >= LOG_LIMIT
        return self._replace(canary=self.canary + canary, total=self.total + total, logs=logs, doubted=doubted)


@lru_cache(maxsize=64)
def _slopes(lower: float, upper: float) -> tuple[tuple[float, float], ...]:
    """For each u′: ln(u′/u°), and ln((1 − u′)/(1 − u°))."""
    halfway = (1.0 + upper) / 2.0  # to all of the requests
    least, most = (1.0 - SLACK) * lower, min((1.0 + SLACK) * upper, halfway)
    pairs = []
    if upper < 1.0:  # else it may have had all, and no share is too large
        pairs = [(min(3.0 * upper / 2.0, halfway), most), (min(2.0 * upper, halfway), most)]
    if lower > 0.0:  # else there was nothing, and no share is too small
        pairs = [(lower / 2.0, least), (2.0 * lower / 3.0, least), *pairs]
    slopes = [(log(other / null), log1p(-other) - log1p(-null)) for other, null in pairs]
    return (*((0.0, 0.0),) * (4 - len(slopes)), *slopes)
