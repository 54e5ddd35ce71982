"""The request: what a person, a pipeline or an event asks for, checked whole before anything is touched.

The JSON Schema in the documentation is generated from `REQUESTS`, the table of the kinds of target. Names are
camelCase, unknown fields are errors, everything but the target has a default.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema
from pydantic_core import PydanticCustomError

from rollout.core.base_semantics import BaseSetting
from rollout.core.custom_metrics import CustomMetric
from rollout.core.decision import Policy
from rollout.core.judge import InvalidSettings, Step
from rollout.core.judge.parse import parse_judge
from rollout.core.minutes import Calendar
from rollout.core.rollout import MOST_ALARMS, Candidate, Settings
from rollout.core.target import NOTHING_BEHIND, Behind, Json, Target
from rollout.errors import InvalidRequest
from rollout.own_metrics import OwnMetric, check_placeholders
from rollout.targets import AliasCandidate, AliasTarget, Name, StageCandidate, StageTarget
from rollout.validation import WITH_PATH, Location, Part, explained, fields, got

AlarmName = Annotated[
    str,
    StringConstraints(min_length=1, pattern=r"^(?:arn:[a-z-]+:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:)?[\s\S]{1,255}$"),
]
"""The name of an alarm that is here, or the ARN of any."""


class PlanStep(Part):
    """One weight, and for how many judged minutes it bakes."""

    weight_percent: Annotated[Decimal, Field(gt=0, lt=100, decimal_places=2, strict=False)] = Field(
        description="The canary's share of the requests; above that of the step before."
    )
    bake_minutes: Annotated[int, Field(ge=1, le=20_160)] = Field(
        description="How many minutes are judged before the next step, at least."
    )


def _default_steps() -> list[PlanStep]:
    return [PlanStep.model_validate({"weightPercent": weight, "bakeMinutes": 10}) for weight in (5, 10, 25, 50)]


class Plan(Part):
    """The ramp: weights rise strictly; after the last step the canary is promoted and watched."""

    steps: Annotated[list[PlanStep], Field(min_length=1, max_length=200, default_factory=_default_steps)]
    watch_minutes: Annotated[int, Field(ge=0, le=1_440)] = Field(
        10, description="For so long after the promotion alarms and the frozen base still judge."
    )

    @model_validator(mode="after")
    def _weights_rise(self) -> Plan:
        for index, (before, after) in enumerate(zip(self.steps, self.steps[1:], strict=False), start=1):
            if after.weight_percent <= before.weight_percent:
                raise PydanticCustomError(
                    WITH_PATH,
                    "steps[{index}].weightPercent: {after} is not above the step before it ({before})",
                    {"index": index, "after": str(after.weight_percent), "before": str(before.weight_percent)},
                )
        return self


class Measurement(Part):
    """How the metrics are to be read; the defaults fit CloudWatch as it is known."""

    lag_minutes: Annotated[int, Field(ge=0, le=30)] = Field(
        3, description="A minute is judged this many minutes after its end; CloudWatch publishes late."
    )
    settle_seconds: Annotated[int, Field(ge=0, le=600)] = Field(
        30, description="Minutes that begin sooner than this after a weight change are not judged."
    )
    source: Literal["auto", "cloudwatch", "accessLog"] = Field(
        "auto",
        description="What is measured: CloudWatch's own series, the metrics of the access log, or whichever has the "
        "canary's requests.",
    )
    canary_series: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = Field(
        None, description="The value of the Stage dimension of a stage's canary's series; {stage} stands for the stage."
    )
    learn_dispersion: bool = Field(
        True, description="Judge with the clumping of errors that earlier promoted rollouts of this target showed."
    )
    most_minutes_between_analyses: Annotated[int, Field(ge=1, le=60)] = Field(
        5, description="A step that has been quiet for long is looked at less often, but at least so often."
    )
    base_semantics: Literal["auto", "inclusive", "exclusive"] = Field(
        "auto", description="Whether the stage's own series contains the canary's requests."
    )


class Request(Part, ABC):
    """A request for a rollout. Each kind of target has a subclass, with the fields `target` and `candidate`."""

    default_metrics: ClassVar[tuple[str, ...]] = ("5XXError", "Latency", "4XXError")
    """What is judged when the judge's block names no metrics."""

    target: Part
    candidate: Part
    plan: Plan = Field(Plan(), description="5, 10, 25 and 50 %, ten minutes each, if left out.")
    judge: dict[str, Any] = Field(default_factory=dict, description="What is judged, and how strictly.")
    metrics: Annotated[list[OwnMetric], Field(max_length=20)] = Field(
        default_factory=list, description="Metrics of one's own, judged beside those of the judge's block."
    )
    measurement: Measurement = Field(Measurement(), description="How the metrics are to be read.")
    alarms: Annotated[list[AlarmName], Field(max_length=MOST_ALARMS)] = Field(
        default_factory=list,
        description="CloudWatch alarms that roll back at once, beside those tagged for the target; one of another "
        "account or region by its ARN.",
    )
    ignore_alarms_already_firing: bool = Field(
        False, description="Begin although an alarm is firing; it counts from the next time it fires."
    )
    on_inconclusive: Literal["hold", "rollback"] = Field(
        "hold", description="When nothing could be proven in time: hold for a person, or roll back."
    )
    on_regression: Literal["rollback", "hold", "holdAtZero"] = Field(
        "rollback", description="Instead of rolling back, hold for a person, with the canary's weight as it is or at 0."
    )
    hold_minutes: Annotated[int, Field(ge=1, le=43_200)] = Field(
        1_440, description="A rollout that nobody answers for so long is rolled back."
    )
    undo_minutes: Annotated[int, Field(ge=0, le=43_200)] = Field(
        1_440, description="For so long after a promotion a rollback command puts the previous deployment back."
    )
    on_conflict: Literal["reject", "supersede"] = Field(
        "reject", description="When another rollout holds the target: be refused, or have it aborted first."
    )
    request_id: Name | None = Field(None, description="Two requests with the same id for a target are one rollout.")

    def settings(self, alarms: tuple[str, ...]) -> Settings:
        """The settings of the rollout, watching these alarms.

        Raises: InvalidRequest (the judge block).
        """
        own = [dict(each.judged) for each in self.custom_metrics]
        block = dict(self.judge)
        if own and isinstance(block.get("metrics", []), list):
            block["metrics"] = [*block.get("metrics", [{"name": name} for name in self.default_metrics]), *own]
        try:
            judge = parse_judge(block, default_names=self.default_metrics)
        except InvalidSettings as error:
            raise InvalidRequest(str(error)) from error
        return Settings(
            target=self.rolled_out,
            candidate=self.to_go_live,
            plan=tuple(Step(step.weight_percent, step.bake_minutes) for step in self.plan.steps),
            judge=judge,
            policy=Policy(self.on_inconclusive, self.on_regression),
            calendar=Calendar(lag_minutes=self.measurement.lag_minutes, settle_seconds=self.measurement.settle_seconds),
            watch_minutes=self.plan.watch_minutes,
            hold_minutes=self.hold_minutes,
            undo_minutes=self.undo_minutes,
            most_minutes_between_analyses=self.measurement.most_minutes_between_analyses,
            alarms=alarms,
        )

    @property
    def custom_metrics(self) -> Sequence[CustomMetric]:
        """The metrics of one's own."""
        return [each.metric for each in self.metrics]

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> Request:
        check_placeholders(self.metrics, self.rolled_out.kind)
        return self

    @property
    @abstractmethod
    def rolled_out(self) -> Target:
        """The target."""

    def behind(self, variables: Mapping[str, str]) -> Behind:  # noqa: ARG002 - a stage's
        """What is moved together with the target, whose variables are these.

        Raises: Refused.
        """
        return NOTHING_BEHIND

    @property
    @abstractmethod
    def to_go_live(self) -> Candidate:
        """The candidate."""

    @property
    def base_setting(self) -> BaseSetting:
        """What is known of the base's series."""
        return BaseSetting(self.measurement.base_semantics)


class StageRequest(Request):
    """A request for a rollout on a stage of an API Gateway REST API."""

    target: StageTarget
    candidate: StageCandidate = StageCandidate()

    @property
    def rolled_out(self) -> Target:
        """The stage."""
        return Target.from_document(self.target.model_dump(by_alias=True))

    @property
    def to_go_live(self) -> Candidate:
        """The deployment with its overrides."""
        candidate = self.candidate
        return Candidate(candidate.deployment_id, dict(candidate.stage_variables), candidate.use_stage_cache)

    def behind(self, variables: Mapping[str, str]) -> Behind:
        """As the candidate says. Raises: Refused."""
        return self.candidate.behind(variables)


class AliasRequest(Request):
    """A request for a rollout on an alias of a Lambda function."""

    default_metrics: ClassVar[tuple[str, ...]] = ("Errors", "Duration")

    target: AliasTarget
    candidate: AliasCandidate = AliasCandidate()

    @model_validator(mode="after")
    def _has_no_series_of_a_stage(self) -> AliasRequest:
        for name in ("source", "canary_series", "base_semantics"):
            if name in self.measurement.model_fields_set:
                raise PydanticCustomError(
                    WITH_PATH,
                    "measurement.{field}: is for stages; of a Lambda alias each version has a series of its own",
                    {"field": to_camel(name)},
                )
        return self

    @property
    def rolled_out(self) -> Target:
        """The alias."""
        return Target.from_document(self.target.model_dump(by_alias=True))

    @property
    def to_go_live(self) -> Candidate:
        """The version."""
        return Candidate(self.candidate.version, {})

    @property
    def base_setting(self) -> BaseSetting:
        """The base's series is that of its version alone."""
        return BaseSetting.EXCLUSIVE


REQUESTS: Mapping[str, type[Request]] = {"apigateway-stage": StageRequest, "lambda-alias": AliasRequest}
"""By `target.type`."""


def request_schema() -> Json:
    """The JSON Schema of a request."""
    kinds = [(model, "validation") for model in REQUESTS.values()]
    _, definitions = models_json_schema(kinds, by_alias=True)  # type: ignore[arg-type]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rollout request",
        "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in REQUESTS.values()],
        **definitions,
    }


def parse_request(document: Json) -> Request:
    """The request in this JSON object.

    Raises:
        InvalidRequest: its message names every field at fault (the first few), what is wrong and what is allowed.
    """
    if not isinstance(document, dict):
        raise InvalidRequest(f"request: must be a JSON object{got(document)}")
    model = _model_for(document.get("target"))
    try:
        request = model.model_validate(document)
    except ValidationError as error:
        raise InvalidRequest(explained(error, _unknown_in(model))) from error
    request.settings(alarms=())
    return request


def _model_for(target: object) -> type[Request]:
    """The kind of request, by its target's type; a stage's where the target does not even say so much."""
    kind = target.get("type") if isinstance(target, dict) else None
    if isinstance(kind, str) and kind in REQUESTS:
        return REQUESTS[kind]
    if isinstance(target, dict):
        problem = "required;" if kind is None else f"{kind!r} is not"
        raise InvalidRequest(f"target.type: {problem} one of {', '.join(sorted(REQUESTS))}")
    return StageRequest


def _unknown_in(model: type[Request]) -> Callable[[Location], str]:
    """What is wrong with an unknown field: nobody knows it, or it belongs to another kind of target."""

    def unknown(location: Location) -> str:
        *path, field = location
        allowed = ", ".join(fields(model, path))
        for kind, other in REQUESTS.items():
            if other is not model and field in fields(other, path):
                mine = next(name for name, each in REQUESTS.items() if each is model)
                return f"is for targets of type {kind}; for {mine} allowed are {allowed}"
        return f"unknown field; allowed are {allowed}"

    return unknown
