"""The request's `metrics`: metrics of one's own, beside those that AWS publishes for the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from rollout.core.custom_metrics import PERCENTILE, PLACEHOLDER, PLACEHOLDERS, VARIABLE, CustomMetric, kind_of
from rollout.core.target import Json
from rollout.validation import WITH_PATH, Part

FORMULAS = frozenset({"expression", "expressions", "formula", "metricStat", "metricDataQueries", "queries"})
"""Fields by which somebody may ask for metric math."""


class OwnTolerance(Part):
    """What of the base's rate or value is tolerated: relative times it, and absolute besides."""

    relative: Annotated[float, Field(strict=False, ge=0, le=100)]
    absolute: Annotated[float, Field(strict=False, ge=0)] = 0.0


class OwnMetric(Part):
    """A CloudWatch metric of one's own, judged beside the target's. It rolls back when it is worse; unless it is
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
    tolerance: OwnTolerance | None = None
    absent_is_zero: bool = Field(
        False, description="It is published only when something happens, so no datapoint means that nothing did."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_no_formula(cls, given: Any) -> Any:
        if isinstance(given, dict) and (formula := FORMULAS & given.keys()):
            raise PydanticCustomError(
                WITH_PATH,
                "{field}: metric math is not supported; name one metric, or publish the result as a metric of its own",
                {"field": min(formula)},
            )
        return given

    @model_validator(mode="after")
    def _can_be_judged(self) -> OwnMetric:
        if kind_of(self.statistic, self.better) is None:
            raise PydanticCustomError(
                WITH_PATH,
                "statistic: nothing can be made of {statistic} of which {better} is better; allowed are Sum, "
                "SampleCount and Average, and percentiles such as p90 of which lower is better",
                {"statistic": self.statistic, "better": self.better},
            )
        return self

    @property
    def metric(self) -> CustomMetric:
        """The metric with the judge's block for it."""
        judged: Json = {
            "name": self.name,
            "kind": str(kind_of(self.statistic, self.better)),
            "required": self.required,
            "dryRun": self.dry_run,
        }
        if self.tolerance is not None:
            judged["tolerance"] = self.tolerance.model_dump()
        if percentile := PERCENTILE.fullmatch(self.statistic):
            judged["quantiles"] = [float(percentile[1])]
        return CustomMetric(
            judged,
            self.namespace,
            self.metric_name or self.name,
            self.dimensions,
            self.statistic,
            self.better,
            self.absent_is_zero,
        )


def check_placeholders(metrics: Sequence[OwnMetric], kind: str) -> None:
    """See that every placeholder is known for this kind of target.

    Raises: PydanticCustomError.
    """
    known = PLACEHOLDERS[kind]
    for index, metric in enumerate(metrics):
        for dimension, value in metric.dimensions.items():
            for name in PLACEHOLDER.findall(value):
                if name in known or (name.startswith(VARIABLE) and kind == "apigateway-stage"):
                    continue
                words = [f"{{{each}}}" for each in known]
                raise PydanticCustomError(
                    WITH_PATH,
                    "metrics[{index}].dimensions.{dimension}: unknown placeholder {found}; known are {known}",
                    {"index": index, "dimension": dimension, "found": f"{{{name}}}", "known": ", ".join(words)},
                )
