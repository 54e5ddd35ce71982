"""What the judge says to a person: plain words, with the numbers.

    5XX: canary 41/1180 (3.47%) vs base 96/10640 (0.90%), allowed 1.15%;
    1,901:1 against 'within tolerance' (limit 100:1) at 10% after 3 min

Odds are e-values: a gambler who bets fairly against "the canary is within tolerance" would have
multiplied the stake so many times. A limit of 100:1 means that a canary within tolerance gets there in at
most one rollout of a hundred.
"""

from __future__ import annotations

from math import exp, floor, log, log10
from typing import TYPE_CHECKING

from .effect import Effect
from .readings import Count, Moments, Pair, Totals
from .settings import split_route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

_NOT_WORTH_COUNTING = log(1e9)


def explain(
    name: str,
    canary: Totals,
    base: Totals,
    *,
    allowed_rate: float | None,
    log_e: float,
    log_e_limit: float,
    weight_percent: Decimal,
    minutes: int,
    higher_is_better: bool = False,
) -> str:
    """One metric's numbers and the odds against "within tolerance", in one line."""
    allowed = _allowed(canary, allowed_rate, higher_is_better=higher_is_better)
    return (
        f"{display_name(name)}: {compared(canary, base)}, {allowed}; "
        f"{odds(log_e)} against 'within tolerance' (limit {odds(log_e_limit)}) "
        f"{where(weight_percent, minutes)}"
    )


def unmeasured(name: str, canary: Totals, base: Totals, weight_percent: Decimal, minutes: int) -> str:
    """Why a metric has nothing to say: no block of the step had enough of both arms."""
    unit = "samples" if isinstance(canary, Moments) else "requests"
    return (
        f"{display_name(name)}: not measured, not enough {unit} in both arms "
        f"(canary {canary[0]}, base {base[0]} {unit}) {where(weight_percent, minutes)}"
    )


def with_shown_only(reason: str, found: Mapping[str, Pair]) -> str:
    """The reason, and what is shown only and would have convicted: nobody may be left to find that out by himself."""
    return "; ".join([reason, *(_shown_only(name, *sums) for name, sums in found.items())])


def _shown_only(name: str, canary: Totals | None, base: Totals | None) -> str:
    numbers = f" ({compared(canary, base)})" if canary and base else ""
    return f"{display_name(name)} is shown only, and would have rolled back{numbers}"


def doubted_split(share: float, sent: float) -> str:
    """That the canary's series has not the share of the requests that it was sent (fractions)."""
    measured, meant = _share(share), _share(sent)
    return f"the canary's series has {measured} of the requests, {meant} were sent"


def size(effect: Effect) -> str:
    """How large the difference is, in points of a hundred: "3.1 points worse (2.0 to 4.4)".

    With one decimal, or as many as it takes to show two digits of the interval's wider end.
    """
    points, low, high = (100.0 * each for each in effect)
    word = "worse"
    if points < 0.0:
        word, points, low, high = "better", -points, -high, -low
    widest = max(-low, high)
    decimals = 1 if widest >= 0.1 or not widest else min(6, 1 - floor(log10(widest)))
    return f"{points:.{decimals}f} points {word} ({low:.{decimals}f} to {high:.{decimals}f})"


def _share(fraction: float) -> str:
    return f"{two_digits(100.0 * fraction)}%"


def compared(canary: Totals, base: Totals) -> str:
    """Both arms' numbers: "canary 41/1180 (3.47%) vs base 96/10640 (0.90%)"."""
    return f"canary {_measure(canary)} vs base {_measure(base)}"


def display_name(name: str) -> str:
    """A metric as people call it: "5XX", "Latency p90", "5XX of POST /orders"."""
    metric, route = split_route(name)
    if route:
        return f"{display_name(metric)} of {route}"
    return name.removesuffix("Error").replace(".p", " p")


def where(weight_percent: Decimal, minutes: int) -> str:
    """At which weight, and after how many minutes of the step."""
    return f"at {weight(weight_percent)} after {minutes} min"


def weight(weight_percent: Decimal) -> str:
    """A weight as the request meant it: 10%, 0.5%."""
    return f"{weight_percent.normalize():f}%"


def odds(log_e: float) -> str:
    """An e-value as odds, to the digits that matter."""
    if log_e > _NOT_WORTH_COUNTING:
        return "over 1,000,000,000:1"
    value = exp(log_e)
    if value >= 10.0:
        return f"{value:,.0f}:1"
    return f"{value:.1f}:1" if value >= 1.0 else f"{value:.2f}:1"


def percent(rate: float) -> str:
    """A rate with two decimals, or as many as it takes to show two digits of a small one."""
    shown = 100.0 * rate
    decimals = 2 if shown <= 0.0 else min(9, max(2, 1 - floor(log10(shown))))
    return f"{shown:.{decimals}f}%"


def two_digits(number: float) -> str:
    """What an estimate is good for: 0.5, 3.1, 48, 960."""
    return f"{float(f'{number:.2g}'):,g}"


def _measure(measure: Totals) -> str:
    if isinstance(measure, Count):
        rate = percent(measure.bad / measure.requests) if measure.requests else "no requests"
        return f"{measure.bad}/{measure.requests} ({rate})"
    mean = f"mean {measure.total / measure.samples:.4g}" if measure.samples else "no samples"
    return f"{mean} (n={measure.samples})"


def _allowed(canary: Totals, allowed_rate: float | None, *, higher_is_better: bool) -> str:
    if allowed_rate is None:
        return "allowed unknown"
    shown = percent(allowed_rate) if isinstance(canary, Count) else f"{allowed_rate:.4g}"
    return f"at least {shown}" if higher_is_better else f"allowed {shown}"
