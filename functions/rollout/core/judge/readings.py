"""What was measured: the counts of one closed minute, for both arms."""

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple, TypeAlias

from .errors import InvalidReading

MOST_REQUESTS = 10**15
LARGEST_TOTAL = 1e100


class Count(NamedTuple):
    """Requests of one arm, and how many of them were bad.

    For a latency quantile "bad" is slower than the arm's threshold; for a business count it is
    the requests that brought the good event (an order placed).
    """

    requests: int
    bad: int


class Moments(NamedTuple):
    """A business value of one arm: how many samples, and their sum (in the value's own unit)."""

    samples: int
    total: float


Totals: TypeAlias = Count | Moments
"""What was counted of one arm, in a minute or over several."""


class Pair(NamedTuple):
    """The two arms of one metric in one minute; None is a point that is not there, which is never "healthy"."""

    canary: Totals | None = None
    base: Totals | None = None


class MinuteReading(NamedTuple):
    """All that is known of one closed minute.

    `minute` is any index that grows (the epoch minute, say); `step` the step whose weight was live
    for the whole of it; `pairs` the metrics by name. A metric that is missing has no point in either arm.
    `readable` is False where the minute could not be read at all. `weights` are the lowest and the highest
    weight of the canary in the minute (fractions), where it is not the step's. `sent` are the requests of
    the arms, (canary, base), by source, where the metrics themselves do not count them all.
    """

    minute: int
    step: int
    pairs: Mapping[str, Pair]
    readable: bool = True
    weights: tuple[float, float] | None = None
    sent: Mapping[str, tuple[int, int]] | None = None


def checked_count(measure: object, minute: object, name: str, arm: str) -> Count:
    """The count, if it can have happened. None is a silent minute: no requests, none bad.

    Raises InvalidReading.
    """
    if measure is None:
        return SILENCE
    if type(measure) is Count:
        requests, bad = measure
        if type(requests) is int and type(bad) is int and 0 <= bad <= requests <= MOST_REQUESTS:
            return measure
    raise InvalidReading(_where(minute, name, arm), _what_is_wrong_with_count(measure))


def checked_moments(measure: object, minute: object, name: str, arm: str) -> Moments:
    """The moments, if they can have happened; None is no samples.

    Raises InvalidReading.
    """
    if measure is None:
        return NO_SAMPLES
    if type(measure) is Moments:
        samples, total = measure
        whole = type(samples) is int and 0 <= samples <= MOST_REQUESTS
        if whole and _is_number(total) and abs(total) <= LARGEST_TOTAL and (samples > 0 or total == 0):
            return measure
    problem = f"expected samples (a whole number, 0 or more) and a finite total, found {measure!r}"
    raise InvalidReading(_where(minute, name, arm), problem)


SILENCE = Count(0, 0)
NO_SAMPLES = Moments(0, 0.0)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _where(minute: object, name: str, arm: str) -> str:
    return f"minute {minute}, {name}, {arm}" if minute is not None else f"base history, {name}"


def _what_is_wrong_with_count(measure: object) -> str:
    if not isinstance(measure, Count):
        return f"expected requests and bad, found {measure!r}"
    for field, value in (("requests", measure.requests), ("bad", measure.bad)):
        if type(value) is not int:
            return f"{field} must be a whole number, found {value!r}"
        if value < 0:
            return f"{field} must not be negative, found {value}"
    if measure.bad > measure.requests:
        return f"{measure.bad} bad of only {measure.requests} requests"
    return f"more than {MOST_REQUESTS} requests in a minute"
