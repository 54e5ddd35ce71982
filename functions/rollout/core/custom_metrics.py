"""Custom metrics: any CloudWatch metric, told apart for base and canary by its dimensions.

What a metric says follows from its statistic and from which way is better:

    statistic          better   judged as                        read as
    Sum, SampleCount   lower    errors                           so many events in so many requests of the target
    Sum, SampleCount   higher   businessCount                    the same
    Average            lower    errors                           samples of 0 and 1: bad ones among all
    Average            higher   businessValue                    the mean of its samples
    a percentile       lower    latency                          samples above the base's own percentile
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from rollout.core.judge import MetricKind

if TYPE_CHECKING:
    from rollout.core.target import Json

PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
TRACKS = ("base", "canary")
VARIABLE = "stageVariables."

_KINDS = {
    ("Sum", "lower"): MetricKind.ERRORS,
    ("Sum", "higher"): MetricKind.BUSINESS_COUNT,
    ("SampleCount", "lower"): MetricKind.ERRORS,
    ("SampleCount", "higher"): MetricKind.BUSINESS_COUNT,
    ("Average", "lower"): MetricKind.ERRORS,
    ("Average", "higher"): MetricKind.BUSINESS_VALUE,
    ("percentile", "lower"): MetricKind.LATENCY,
}

PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "apigateway-stage": ("restApiId", "stage", "apiName", "deploymentId", "track"),
    "lambda-alias": ("functionName", "aliasName", "version", "track"),
}
"""What may stand in the dimensions' values, by kind of target; of a stage's variables also {stageVariables.NAME}."""


class Reading(StrEnum):
    """How the series of a metric is read."""

    EVENTS = "events"
    FLAGS = "flags"
    VALUES = "values"
    QUANTILE = "quantile"


def kind_of(statistic: str, better: str) -> MetricKind | None:
    """What a metric of this statistic counts; None where nothing can be made of it."""
    return _KINDS.get(("percentile" if PERCENTILE.fullmatch(statistic) else statistic, better))


def reading_by(statistic: str, better: str) -> Reading:
    """How a metric of this statistic, which `kind_of` knows, is read."""
    if statistic in ("Sum", "SampleCount"):
        return Reading.EVENTS
    if statistic == "Average":
        return Reading.VALUES if better == "higher" else Reading.FLAGS
    return Reading.QUANTILE


@dataclass(frozen=True, slots=True)
class CustomSeries:
    """Where the two arms of a metric are found, and how they are read.

    absent_is_zero: the metric is published only when something happens, so no datapoint means that nothing did.
    """

    namespace: str
    metric: str
    base: Mapping[str, str]
    canary: Mapping[str, str]
    statistic: str
    better: str
    absent_is_zero: bool = False

    @property
    def reading(self) -> Reading:
        """How its series is read."""
        return reading_by(self.statistic, self.better)

    def filled(self, fill: Callable[[str], str]) -> CustomSeries:
        """The same with every value of its dimensions put through `fill`."""
        return replace(
            self,
            base={name: fill(value) for name, value in self.base.items()},
            canary={name: fill(value) for name, value in self.canary.items()},
        )

    def to_document(self) -> Json:
        """A JSON object."""
        return {
            "namespace": self.namespace,
            "metric": self.metric,
            "base": dict(self.base),
            "canary": dict(self.canary),
            "statistic": self.statistic,
            "better": self.better,
            "absentIsZero": self.absent_is_zero,
        }

    @classmethod
    def from_document(cls, document: Json) -> CustomSeries:
        """The inverse of `to_document`."""
        return cls(
            document["namespace"],
            document["metric"],
            document["base"],
            document["canary"],
            document["statistic"],
            document["better"],
            document["absentIsZero"],
        )


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """A metric as the request asks for it; `name` is that by which it is judged and shown."""

    name: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    better: str
    absent_is_zero: bool

    def series(self, base: Mapping[str, str], canary: Mapping[str, str]) -> CustomSeries:
        """Its series; `base` and `canary` have the words for the placeholders."""
        return CustomSeries(
            self.namespace,
            self.metric,
            {name: _filled(value, base) for name, value in self.dimensions.items()},
            {name: _filled(value, canary) for name, value in self.dimensions.items()},
            self.statistic,
            self.better,
            self.absent_is_zero,
        )


def _filled(value: str, words: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: words[found[1]], value)
