"""Short forms of numbers: durations, rates, odds and counts."""

from __future__ import annotations

from math import exp, log

from rollout.core.judge import JudgeSettings
from rollout.core.judge.explain import percent

MINUTES_PER_HOUR, MINUTES_PER_DAY = 60, 1_440
COUNTLESS = log(1e9)


def duration(minutes: float) -> str:
    """`45 min`, `3 h 20 min`, `2 d 4 h`."""
    whole = round(minutes)
    if whole < MINUTES_PER_HOUR:
        return f"{whole} min"
    if whole < MINUTES_PER_DAY:
        hours, rest = divmod(whole, MINUTES_PER_HOUR)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(whole / MINUTES_PER_HOUR), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def amount(value: float | None, *, is_rate: bool) -> str:
    """A rate in percent, or a mean; a dash for nothing."""
    if value is None:
        return "–"
    return percent(value) if is_rate else f"{value:.4g}"


def short_count(number: float) -> str:
    """`2,217`, `42k`, `1.2M`."""
    if number < 10_000:
        return f"{number:,.0f}"
    return f"{number / 1e3:.0f}k" if number < 1e6 else f"{number / 1e6:.1f}M"


def short_odds(log_e: float) -> str:
    """Odds as `explain` has them, in at most seven characters."""
    if log_e > COUNTLESS:
        return ">10⁹:1"
    value = exp(log_e)
    if value >= 10_000:
        return f"{short_count(value)}:1"
    if value >= 1:
        return f"{value:,.0f}:1" if value >= 10 else f"{value:.1f}:1"
    return f"{value:.2f}:1" if value >= 0.005 else "<0.01:1"


def deciding_odds(settings: JudgeSettings) -> str:
    """The odds at which a canary is rolled back and at which it is proven; the range, where the metrics differ."""
    shares = settings.shares()
    limits = sorted(settings.log_limit(shares[metric.name]) for metric in settings.metrics if metric.decides)
    harmful = " to ".join(dict.fromkeys([short_odds(limits[0]), short_odds(limits[-1])]))
    return (
        f"worse: rolled back at odds of {harmful}; ready for the next step: proven at {short_odds(settings.log_proof)}"
    )
