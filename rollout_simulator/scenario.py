"""A scenario: an API or a function, its traffic, a candidate that behaves well or badly, and what should come of it.

The format is TOML. Everything but `name` has a default; unknown fields are errors. `request` holds a request as in
an event, without its target and candidate, which the simulation knows.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rollout.validation import explained, unknown_in

SCENARIOS = Path(__file__).parent / "scenarios"

Percent = Annotated[float, Field(ge=0, le=100)]
Minutes = Annotated[float, Field(ge=0)]


class InvalidScenario(ValueError):
    """The file is no scenario. The message names the field, what was wrong and what is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Api(_Part):
    """The API that is rolled out, and its stage before the rollout."""

    name: str = "orders"
    stage: str = "prod"
    variables: dict[str, str] = Field(default_factory=lambda: {"lambdaAlias": "live", "tableName": "orders"})
    candidate_variables: dict[str, str] = Field(
        default_factory=lambda: {"lambdaAlias": "next"}, description="What the canary overrides."
    )
    candidate_may_be_invoked: bool = Field(
        True, description="The API may call the alias that the candidate's `lambdaAlias` names."
    )
    functions: Annotated[int, Field(ge=1, le=10)] = Field(
        1, description="How many functions are behind it, each reached by the alias that `lambdaAlias` names."
    )
    on_promotion: Literal["mergeVariables", "moveAliases"] | None = Field(
        None, description="The controller points the spare aliases to new versions itself, and promotes so."
    )
    execution_logging: bool = True
    access_log: bool = Field(
        False, description="The stage writes an access log, and metric filters make metrics of it."
    )


class Function(_Part):
    """The function whose alias is rolled out."""

    name: str = "orders"
    alias: str = "live"


class Traffic(_Part):
    """Requests to the target. `noise` is the relative spread of the rate from minute to minute."""

    requests_per_second: Annotated[float, Field(ge=0, le=1_000_000)] = 20.0
    pattern: Literal["steady", "daily", "bursts"] = "steady"
    noise: Annotated[float, Field(ge=0, le=1)] = 0.05
    stops_at_minute: Minutes | None = None


class Behaviour(_Part):
    """How a deployment or version answers. Latencies are lognormal: median and spread (σ of the logarithm). Only a
    function's version can be throttled.
    """

    error_percent: Percent = 0.5
    throttle_percent: Percent = 0.0
    client_error_percent: Percent = 2.0
    latency_ms: Annotated[float, Field(gt=0)] = 80.0
    latency_spread: Annotated[float, Field(gt=0, le=3)] = 0.5


class CandidateBehaviour(_Part):
    """How the candidate answers; what is not said is as the base's. Before `from_minute` (since the rollout began)
    and below `from_weight_percent` it behaves like the base.
    """

    error_percent: Percent | None = None
    throttle_percent: Percent | None = None
    client_error_percent: Percent | None = None
    latency_ms: Annotated[float, Field(gt=0)] | None = None
    latency_spread: Annotated[float, Field(gt=0, le=3)] | None = None
    from_minute: Minutes = 0.0
    from_weight_percent: Percent = 0.0


class Disturbance(_Part):
    """Something that hits base and canary alike for a while: an outage behind both of them."""

    from_minute: Minutes
    minutes: Minutes
    error_percent: Percent | None = None
    latency_ms: Annotated[float, Field(gt=0)] | None = None


class CustomMetric(_Part):
    """A metric that the API's code publishes; {track} in the dimensions is `base` or `canary`.

    `per_request` is how many requests of one bring an event, or a sample of about `value`.
    """

    metric: str
    namespace: str = "Shop"
    dimensions: dict[str, str] = Field(default_factory=lambda: {"Stage": "prod", "Track": "{track}"})
    per_request: Annotated[float, Field(ge=0, le=1)] = 0.2
    value: Annotated[float, Field(gt=0)] | None = None
    candidate_per_request: Annotated[float, Field(ge=0, le=1)] | None = None
    candidate_value: Annotated[float, Field(gt=0)] | None = None


class Alarm(_Part):
    """A CloudWatch alarm on a metric of the target."""

    name: str
    metric: Literal["5XXError", "4XXError", "Latency", "Count", "Errors", "Throttles", "Duration"] | None = Field(
        None, description="5XXError of a stage, Errors of an alias, unless it is said."
    )
    statistic: str = "Average"
    threshold: float = 0.05
    evaluation_periods: Annotated[int, Field(ge=1, le=100)] = 1
    named_in_request: bool = True
    tagged: bool = False
    fires_at_minute: Minutes | None = Field(
        None, description="Set to ALARM by hand at this minute; negative times are not needed: see firing_at_start."
    )
    firing_at_start: bool = False


class Signal(_Part):
    """Something a person does during the rollout; `stop-execution` is the button of the Step Functions console."""

    at_minute: Minutes
    command: Literal["abort", "pause", "resume", "approve", "advance", "promote", "rollback", "stop-execution"]
    expected_step: int | None = None
    reason: str = ""


class ForeignChange(_Part):
    """Somebody else changes the target during the rollout: patch operations as UpdateStage takes them, arguments of
    UpdateAlias (of the first function behind a stage), or delete.
    """

    at_minute: Minutes
    patch: list[dict[str, str]] = Field(default_factory=list)
    update_alias: dict[str, Any] = Field(default_factory=dict)
    delete_stage: bool = False
    delete_alias: bool = False


class Metrics(_Part):
    """How CloudWatch behaves."""

    earliest_seconds: Annotated[float, Field(ge=0)] = Field(
        60.0, description="After a minute's end, its point is there."
    )
    latest_seconds: Annotated[float, Field(ge=0)] = 175.0
    late_percent: Percent = Field(0.5, description="Minutes that come later still.")
    revised_percent: Percent = Field(0.5, description="Minutes whose point is corrected after it was first there.")
    base_semantics: Literal["inclusive", "exclusive"] = Field(
        "inclusive", description="Whether the stage's own series contains the canary's requests."
    )
    canary_series: bool = Field(True, description="Whether the canary has a series of its own at all.")
    canary_series_needs_logging: bool = Field(
        True, description="The canary has a series of its own only while the stage logs its executions."
    )


class Fault(_Part):
    """An AWS call that fails. `mode`: before (not done), after (done, answer lost), slow, duplicate (done twice), late
    (the caller gives up after its own read time-out, and it is done after so many seconds all the same), stale (a read
    that answers as things were so many seconds ago), twice (a task's function is invoked twice at once).
    """

    service: str
    operation: str
    mode: Literal["before", "after", "slow", "duplicate", "late", "stale", "twice"] = "before"
    error: str = "ThrottlingException"
    from_minute: Minutes = 0.0
    minutes: Minutes = Field(0.0, description="How long; 0 is until the end.")
    times: Annotated[int, Field(ge=1)] | None = Field(None, description="How often at most.")
    function: str | None = Field(None, description="Only calls of this function; all callers unless it is said.")
    seconds: Annotated[float, Field(ge=0)] = Field(30.0, description="How slow, late or stale.")


class Expected(_Part):
    """What should come of it; checked by the tests, shown by `rollout simulate`."""

    outcome: Literal["PROMOTED", "ROLLED_BACK", "HELD", "STOPPED", "REJECTED", "FAILED"] = "PROMOTED"
    reason_contains: str = ""
    most_weight_percent: Percent | None = None


class Scenario(_Part):
    """One scenario, whole."""

    name: str = Field(description="The file's own name, unless it is said.")
    description: str = ""
    seed: int = Field(1, description="Another seed is another draw of the same traffic.")
    horizon_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="When to give up waiting for an end; what the plan can take at most, unless it is said."
    )
    target: Literal["apigateway-stage", "lambda-alias"] = "apigateway-stage"
    api: Api = Field(Api(), description="Of a stage.")
    function: Function = Field(Function(), description="Of an alias.")
    traffic: Traffic = Traffic()
    base: Behaviour = Field(Behaviour(), description="How the live deployment or version answers.")
    candidate: CandidateBehaviour = Field(CandidateBehaviour(), description="How the new one answers.")
    disturbances: list[Disturbance] = Field(default_factory=list, description="What hits both alike.")
    custom_metrics: list[CustomMetric] = Field(default_factory=list, description="What the code itself publishes.")
    alarms: list[Alarm] = Field(default_factory=list)
    signals: list[Signal] = Field(default_factory=list, description="What people do.")
    foreign_changes: list[ForeignChange] = Field(default_factory=list, description="What others do to the target.")
    metrics: Metrics = Field(Metrics(), description="How late and how well CloudWatch tells.")
    faults: list[Fault] = Field(default_factory=list, description="AWS calls that fail.")
    request: dict[str, Any] = Field(default_factory=dict, description="The request, without its target and candidate.")
    expected: Expected = Expected()


def load_scenario(path: Path) -> Scenario:
    """The scenario in this file.

    Raises: InvalidScenario.
    """
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        known = ", ".join(scenario.stem for scenario in sorted(SCENARIOS.glob("*.toml")))
        raise InvalidScenario(f"{path}: no such file; scenarios that come with the product: {known}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidScenario(f"{path}: {error}") from error
    return parse_scenario({"name": path.stem, **document}, str(path))


def parse_scenario(document: dict[str, Any], source: str) -> Scenario:
    """The scenario in this document; `source` names it in errors.

    Raises: InvalidScenario.
    """
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        raise InvalidScenario(f"{source}: {explained(error, unknown_in(Scenario), 'scenario')}") from error
