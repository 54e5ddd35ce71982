"""What was measured: raw counts per minute as a metric source gives them, made into the judge's readings.

Law: missing data is never healthy. An arm that said nothing is `None` here and unmeasured for the judge.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rollout.core.custom_metrics import CustomSeries
from rollout.core.judge import Count, MinuteReading, Moments, Pair
from rollout.core.judge.settings import split_route

if TYPE_CHECKING:
    from rollout.core.base_semantics import BaseSemantics
    from rollout.core.target import Json


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric to be read. `threshold_ms` (latency only) is the base's own quantile before the rollout."""

    name: str
    threshold_ms: float | None = None

    def to_document(self) -> Json:
        """A JSON object."""
        return {"name": self.name, "thresholdMs": self.threshold_ms}

    @classmethod
    def from_document(cls, document: Json) -> Measure:
        """The inverse of `to_document`."""
        return cls(document["name"], document["thresholdMs"])


@dataclass(frozen=True, slots=True)
class BaseHistory:
    """The base before the rollout: its counts over so many minutes, and for latency the threshold its quantile gave.

    by_minute: the counts of each minute, oldest first, None where there is no point; empty where they are not known.
    longest_ms: how long the longest invocation of the last hours took; 0 where that is not known, or of no matter.
    exists: whether CloudWatch has had a point of the series in the last two weeks; looked up of custom metrics, where
    they had none of late or where no point counts as zero: there a name that is wrong would look healthy.
    """

    measure: Measure
    count: Count | Moments
    minutes: int = 30
    by_minute: Sequence[Count | None] = ()
    longest_ms: float = 0.0
    exists: bool = True

    @property
    def samples(self) -> int:
        """How many requests, or values, there were."""
        return self.count[0]


CANDIDATE = "{candidate}"
"""In the dimensions of a series: the candidate's revision, filled in once that is made."""
OWN = "cloudwatch"
ACCESS_LOG = "accessLog"


@dataclass(frozen=True, slots=True)
class Series:
    """The dimensions that select the base's (or the whole stage's) series, and the canary's.

    source: whose they are, `OWN` for the metrics that AWS publishes for the target, or `ACCESS_LOG`. custom: those of
    custom metrics, by the names they are judged by.
    """

    base: Mapping[str, str]
    canary: Mapping[str, str]
    source: str = OWN
    custom: Mapping[str, CustomSeries] = field(default_factory=dict)

    def whole(self) -> Series:
        """The series of a target that the candidate serves alone; its own metrics only, for the others are two."""
        return replace(self, canary=self.base, custom={})

    def of_candidate(self, revision: str) -> Series:
        """The same, now that the candidate's revision is known."""

        def fill(value: str) -> str:
            return value.replace(CANDIDATE, revision)

        return replace(
            self,
            base={name: fill(value) for name, value in self.base.items()},
            canary={name: fill(value) for name, value in self.canary.items()},
            custom={name: each.filled(fill) for name, each in self.custom.items()},
        )

    def to_document(self) -> Json:
        """A JSON object."""
        return {
            "base": dict(self.base),
            "canary": dict(self.canary),
            "source": self.source,
            "custom": {name: each.to_document() for name, each in self.custom.items()},
        }

    @classmethod
    def from_document(cls, document: Json) -> Series:
        """The inverse of `to_document`; a record of an earlier version knows no source."""
        return cls(
            document["base"],
            document["canary"],
            document.get("source", OWN),
            {name: CustomSeries.from_document(each) for name, each in document.get("custom", {}).items()},
        )


@dataclass(frozen=True, slots=True)
class RawCounts:
    """One metric in one minute.

    stage: the base's series as published, which may include the canary's traffic. canary: bad by the canary's
    threshold. canary_as_base: the same requests, bad by the base's threshold; it is what must be subtracted.
    None: the series had no point. custom: it is a custom metric, which has a series for each arm.
    """

    canary: Count | Moments | None
    stage: Count | Moments | None
    canary_as_base: Count | None
    custom: bool = False


@dataclass(frozen=True, slots=True)
class RawMinute:
    """One minute of all metrics. `complete` is false when the source said that more is to come.

    longest_ms: how long the longest invocation that began in it took, of those that have ended; 0 where that is not
    known, or of no matter.
    """

    minute: int
    counts: Mapping[str, RawCounts]
    complete: bool = True
    longest_ms: float = 0.0

    def without_routes(self) -> RawMinute:
        """The same minute of the target as a whole."""
        return replace(self, counts={name: raw for name, raw in self.counts.items() if not split_route(name)[1]})

    @property
    def has_canary(self) -> bool:
        """Whether there is anything of the canary."""
        return any(raw.canary is not None and not raw.custom for raw in self.counts.values())

    @property
    def requests(self) -> tuple[int, int] | None:
        """The requests of the canary's and of the stage's series, by the first metric that has both."""
        return next(
            (
                (raw.canary.requests, raw.stage.requests)
                for raw in self.counts.values()
                if isinstance(raw.canary, Count) and isinstance(raw.stage, Count) and not raw.custom
            ),
            None,
        )

    @property
    def silent(self) -> bool:
        """Whether some metric lacks a point of either arm. Of a route that is nothing special."""
        return any(raw.canary is None or raw.stage is None for raw in self.without_routes().counts.values())


def countable(minutes: Sequence[RawMinute], last_overdue: int) -> Iterator[RawMinute]:
    """The minutes, in order, up to the first that is worth waiting for.

    A minute in which an arm is silent, or which is incomplete, may still be filled by late data; it is waited for
    until it is overdue. What comes after it waits too, so that minutes are counted in order.
    """
    for raw in minutes:
        if raw.minute > last_overdue and (raw.silent or not raw.complete):
            return
        yield raw


def reading_of(raw: RawMinute, step: int, semantics: BaseSemantics) -> MinuteReading:
    """The judge's reading of a raw minute: the canary subtracted from the stage where the stage includes it."""
    pairs = {name: _pair(counts, semantics) for name, counts in raw.counts.items()}
    return MinuteReading(raw.minute, step, pairs, readable=raw.complete)


def watched_reading_of(raw: RawMinute, names: Container[str]) -> MinuteReading:
    """The reading of a minute after the promotion: the whole stage stands for the canary, and there is no base.

    The judge weighs no block without a base, so requests that nobody made stand in for it, as many as close a block;
    against a fixed ceiling they weigh nothing.
    """
    pairs = {
        name: Pair(canary=counts.canary, base=_NOBODY if counts.canary is not None else None)
        for name, counts in raw.counts.items()
        if name in names
    }
    return MinuteReading(raw.minute, 0, pairs, readable=raw.complete)


_NOBODY = Count(10, 0)


def _pair(raw: RawCounts, semantics: BaseSemantics) -> Pair:
    if not isinstance(raw.stage, Count) or not semantics.inclusive or raw.canary_as_base is None:
        return Pair(canary=raw.canary, base=raw.stage)
    requests = max(0, raw.stage.requests - raw.canary_as_base.requests)
    bad = min(requests, max(0, raw.stage.bad - raw.canary_as_base.bad))
    return Pair(canary=raw.canary, base=Count(requests, bad))
