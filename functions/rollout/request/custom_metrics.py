"""The request's `metrics`: custom metrics, judged beside those that AWS publishes for the target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from rollout.core.custom_metrics import PERCENTILE, PLACEHOLDER, PLACEHOLDERS, VARIABLE, CustomMetric, kind_of
from rollout.core.judge import MetricSettings, Tolerance
from rollout.core.judge.metric_defaults import series_name
from rollout.core.judge.settings import default_tolerance
from rollout.errors import Problem
from rollout.request.judge import Absolute, Relative, problems_of_metric
from rollout.request.validation import Part, raise_problems

FORMULAS = frozenset({"expression", "expressions", "formula", "metricStat", "metricDataQueries", "queries"})
"""Fields by which somebody may ask for metric math."""
_STATISTICS = ("Sum", "SampleCount", "Average", "p50 … p99.9")


class CustomMetricTolerance(Part):
    """Which rate or value of the canary is tolerated: `relative` times the base's, plus `absolute`."""

    relative: Relative
    absolute: Absolute = 0.0


class CustomMetricRequest(Part):
    """A custom CloudWatch metric, judged beside the target's. The rollout is rolled back when it is worse. Unless it is
    `required`, no step waits for its proof, and with `dryRun` it is shown and decides nothing.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    namespace: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    metric_name: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        None, description="Without it, as `name`."
    )
    dimensions: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=255)],
            Annotated[str, StringConstraints(min_length=1, max_length=1024)],
        ],
        Field(min_length=1, max_length=30),
    ] = Field(description="Their values may have placeholders, one of which must tell base and canary apart.")
    statistic: str = Field("Sum", description="Sum or SampleCount: events among the target's requests; Average; p90 …")
    better: Literal["lower", "higher"]
    required: bool = False
    dry_run: bool = False
    tolerance: CustomMetricTolerance | None = None
    absent_is_zero: bool = Field(
        False, description="It is published only when something happens, so no datapoint means that nothing did."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_no_formula(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            raise_problems(
                Problem(
                    name,
                    "metric math is not supported; name one metric, or publish the result as a metric of its own",
                )
                for name in sorted(FORMULAS & given.keys())
            )
        return given

    @model_validator(mode="after")
    def _can_be_judged(self) -> CustomMetricRequest:
        raise_problems(self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        if kind_of(self.statistic, self.better) is None:
            yield Problem(
                "statistic",
                f"nothing can be made of {self.statistic} of which {self.better} is better; allowed are Sum, "
                "SampleCount and Average, and percentiles such as p90 of which lower is better",
                _STATISTICS,
            )
        else:
            yield from problems_of_metric(self.settings("balanced"))

    def settings(self, preset: str) -> MetricSettings:
        """How it is judged."""
        kind = kind_of(self.statistic, self.better)
        if kind is None:
            raise ValueError(f"a metric of no known kind: {self.statistic}, {self.better}")
        tolerance = default_tolerance(kind, preset)
        if self.tolerance is not None:
            tolerance = Tolerance(self.tolerance.relative, self.tolerance.absolute)
        return MetricSettings(self._judged_as, kind, tolerance, required=self.required, dry_run=self.dry_run)

    @property
    def metric(self) -> CustomMetric:
        """Where it is found."""
        return CustomMetric(
            self._judged_as,
            self.namespace,
            self.metric_name or self.name,
            self.dimensions,
            self.statistic,
            self.better,
            self.absent_is_zero,
        )

    @property
    def _judged_as(self) -> str:
        """Its name as a series of its own: a percentile's has the percentile."""
        percentile = PERCENTILE.fullmatch(self.statistic)
        return series_name(self.name, float(percentile[1])) if percentile else self.name


def unknown_placeholders(metrics: Sequence[CustomMetricRequest], kind: str) -> Iterator[Problem]:
    """Every placeholder that is not one of this kind of target's."""
    known = PLACEHOLDERS[kind]
    words = tuple(f"{{{each}}}" for each in known)
    for index, metric in enumerate(metrics):
        for dimension, value in metric.dimensions.items():
            for name in PLACEHOLDER.findall(value):
                if name not in known and not (name.startswith(VARIABLE) and kind == "apigateway-stage"):
                    yield Problem(
                        f"metrics[{index}].dimensions.{dimension}",
                        f"unknown placeholder {{{name}}}; known are {', '.join(words)}",
                        words,
                    )
