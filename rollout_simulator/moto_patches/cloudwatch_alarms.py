"""CloudWatch alarms that are evaluated, send events to EventBridge, and can be composed.

moto starts alarms in OK and never evaluates them, sends no events, and has no PutCompositeAlarm. AWS (when an alarm
changes: see `alarm_board`):

- PutMetricAlarm on an existing alarm keeps its state, and ignores its tags (documented).
- PutCompositeAlarm refuses a rule it cannot read or that names no existing alarm (the texts are unknown).
- DescribeAlarms shows metric alarms only, unless `AlarmTypes` says otherwise (documented), applies all filters
  together, and pages by 50, at most 100 (from memory).
- SetAlarmState moves an alarm and sends the event, if it is a transition.

An alarm on metric math or on several metrics is refused here: it would never be evaluated. moto's tags of alarms, and
finding alarms by tag through the Resource Groups Tagging API, need no patch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from rollout_simulator.moto_patches.alarm_board import AlarmBoard
from rollout_simulator.moto_patches.alarm_evaluation import COMPARISONS, INSUFFICIENT_DATA
from rollout_simulator.moto_patches.alarm_events import Event, state_of
from rollout_simulator.moto_patches.alarm_rule import AlarmRule, BadRule
from rollout_simulator.moto_patches.metric_queries import InvalidNextToken
from rollout_simulator.moto_patches.metric_statistics import UnknownStatistic, statistic
from rollout_simulator.moto_patches.metric_store import SECONDS_PER_MINUTE, MetricStore
from rollout_simulator.moto_patches.patching import additions, replacements

ALARMS_PER_PAGE = 50
LARGEST_PAGE = 100
_MISSING_DATA = frozenset({"breaching", "notBreaching", "ignore", "missing"})
_KEPT_ON_UPDATE = (
    "state_value",
    "state_reason",
    "state_reason_data",
    "state_updated_timestamp",
    "state_transitioned_timestamp",
    "history",
)

_BACKEND = replacements(
    CloudWatchBackend,
    put_metric_alarm="starts every alarm in OK, resets one that exists, and accepts what CloudWatch refuses",
    set_alarm_state="sends no event, and asks no composite alarm",
)
_RESPONSE = replacements(
    CloudWatchResponse, describe_alarms="mixes both kinds of alarms, applies one filter only, and has no pages"
)
_COMPOSITE = additions(CloudWatchResponse, put_composite_alarm="is not implemented")


@contextmanager
def patched(emit: Callable[[Event], None], metrics: MetricStore, *, extra_periods: int = 3) -> Iterator[AlarmBoard]:
    """Evaluate alarms on `metrics` for as long as this is open, handing each event to `emit`.

    Yields the board; call its `evaluate_alarms(now)` once per simulated minute.
    """
    board = AlarmBoard(emit, metrics, extra_periods)
    with ExitStack() as stack:
        put_metric_alarm = _put_alarm(board, CloudWatchBackend.put_metric_alarm)
        set_alarm_state = _set_alarm_state(board, CloudWatchBackend.set_alarm_state)
        stack.enter_context(_BACKEND(put_metric_alarm=put_metric_alarm, set_alarm_state=set_alarm_state))
        stack.enter_context(_RESPONSE(describe_alarms=describe_alarms))
        stack.enter_context(_COMPOSITE(put_composite_alarm=put_composite_alarm))
        yield board


def _put_alarm(board: AlarmBoard, put_in_moto: Any) -> Any:
    def put_metric_alarm(backend: Any, name: str, **definition: Any) -> Any:
        if definition.get("rule") is None:
            _check_definition(definition)
        known = backend.alarms.get(name)
        if known is not None:
            definition["tags"] = None
        alarm = put_in_moto(backend, name=name, **definition)
        alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
        alarm.state_value = INSUFFICIENT_DATA
        if known is not None:
            for attribute in _KEPT_ON_UPDATE:
                setattr(alarm, attribute, getattr(known, attribute, getattr(alarm, attribute)))
        if alarm.rule is not None:
            board.settle_later(alarm)
        return alarm

    return put_metric_alarm


def _check_definition(definition: Mapping[str, Any]) -> None:
    if definition.get("metric_data_queries"):
        raise ValidationError("Alarms on metric math are not supported by this simulated CloudWatch.")
    if not definition.get("metric_name") or not definition.get("namespace"):
        raise ValidationError("MetricName and Namespace are required.")
    if definition.get("comparison_operator") not in COMPARISONS:
        raise ValidationError(f"ComparisonOperator {definition.get('comparison_operator')} is not supported.")
    if (definition.get("treat_missing_data") or "missing") not in _MISSING_DATA:
        raise ValidationError(f"TreatMissingData {definition['treat_missing_data']} is not supported.")
    period = int(definition.get("period") or 0)
    if period < SECONDS_PER_MINUTE or period % SECONDS_PER_MINUTE:
        raise ValidationError("Period must be a multiple of 60.")
    periods = int(definition["evaluation_periods"])
    if not 1 <= int(definition.get("datapoints_to_alarm") or periods) <= periods:
        raise ValidationError("DatapointsToAlarm must be between 1 and EvaluationPeriods.")
    name = definition.get("statistic") or definition.get("extended_statistic")
    if not name or (definition.get("statistic") and definition.get("extended_statistic")):
        raise ValidationError("Exactly one of Statistic and ExtendedStatistic is required.")
    try:
        statistic(name)
    except UnknownStatistic:
        raise ValidationError(f"The statistic {name} is not supported.") from None


def _set_alarm_state(board: AlarmBoard, set_in_moto: Any) -> Any:
    def set_alarm_state(backend: Any, alarm_name: str, reason: str, reason_data: str | None, state_value: str) -> None:
        alarm = backend.alarms.get(alarm_name)
        previous = None if alarm is None else state_of(alarm)
        set_in_moto(backend, alarm_name, reason, reason_data, state_value)
        if alarm is not None and previous is not None:
            board.announce(backend, alarm, previous, datetime.now(UTC))

    return set_alarm_state


def put_composite_alarm(response: Any) -> Any:
    """Answer PutCompositeAlarm."""
    backend = response.cloudwatch_backend
    name, rule = response._get_param("AlarmName"), response._get_param("AlarmRule")
    try:
        asked = AlarmRule.parse(rule).alarms
    except BadRule as bad:
        raise ValidationError(f"Error in AlarmRule: {bad}") from None
    if unknown := sorted(asked - backend.alarms.keys()):
        raise ValidationError(f"AlarmRule must reference existing alarms: {', '.join(unknown)}")
    enabled = response._get_param("ActionsEnabled")
    backend.put_metric_alarm(
        name=name,
        rule=rule,
        namespace=None,
        metric_name=None,
        comparison_operator=None,
        evaluation_periods=None,
        period=None,
        threshold=None,
        statistic=None,
        description=response._get_param("AlarmDescription"),
        dimensions=[],
        alarm_actions=response._get_param("AlarmActions", []),
        ok_actions=response._get_param("OKActions", []),
        insufficient_data_actions=response._get_param("InsufficientDataActions", []),
        actions_enabled=True if enabled is None else enabled,
        tags=response._get_param("Tags", []),
    )
    return EmptyResult()


def describe_alarms(response: Any) -> Any:
    """Answer DescribeAlarms."""
    asked = response._get_params()
    types = asked.get("AlarmTypes") or ["MetricAlarm"]
    found = [
        alarm
        for alarm in response.cloudwatch_backend.alarms.values()
        if ("MetricAlarm" if alarm.rule is None else "CompositeAlarm") in types and _matches(alarm, asked)
    ]
    first = _first(asked.get("NextToken"))
    end = first + min(int(asked.get("MaxRecords") or ALARMS_PER_PAGE), LARGEST_PAGE)
    answer: dict[str, Any] = {
        "MetricAlarms": [alarm for alarm in found[first:end] if alarm.rule is None],
        "CompositeAlarms": [alarm for alarm in found[first:end] if alarm.rule is not None],
    }
    if end < len(found):
        answer["NextToken"] = str(end)
    return ActionResult(answer)


def _matches(alarm: Any, asked: Mapping[str, Any]) -> bool:
    names, prefix = asked.get("AlarmNames"), asked.get("AlarmNamePrefix")
    action, state = asked.get("ActionPrefix"), asked.get("StateValue")
    return (
        (not names or alarm.name in names)
        and alarm.name.startswith(prefix or "")
        and (not action or any(each.startswith(action) for each in alarm.alarm_actions))
        and state in (None, alarm.state_value)
    )


def _first(token: str | None) -> int:
    if token is not None and not token.isdecimal():
        raise InvalidNextToken("The next token provided is invalid.")
    return int(token or 0)
