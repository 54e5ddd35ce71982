"""The alarms of every account and region: evaluates them as moto keeps them, and sends an event for each transition.

moto never evaluates an alarm. AWS:

- A new alarm starts in INSUFFICIENT_DATA and is evaluated at the next minute (documented).
- An event is sent on a transition only (documented).
- A composite alarm is evaluated when it is made or changed and whenever an alarm of its rule changes state, so a state
  set by SetAlarmState stays until then; a metric alarm is evaluated again at the next minute (documented).
- The window of an alarm ends at the minute of its evaluation (from memory).
- Alarms on AWS/DynamoDB metrics ignore missing data whatever their definition says (documented).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from rollout_simulator.moto_patches.alarm_actions import act
from rollout_simulator.moto_patches.alarm_evaluation import (
    ALARM,
    OK,
    Datapoint,
    Evaluation,
    Watch,
    evaluate,
    event_time,
)
from rollout_simulator.moto_patches.alarm_events import Event, state_change, state_of
from rollout_simulator.moto_patches.alarm_rule import AlarmRule
from rollout_simulator.moto_patches.metric_queries import computed
from rollout_simulator.moto_patches.metric_statistics import statistic
from rollout_simulator.moto_patches.metric_store import SECONDS_PER_MINUTE, MetricStore, epoch_minute


class AlarmBoard:
    """Evaluates alarms from their definitions."""

    def __init__(self, emit: Callable[[Event], None], metrics: MetricStore, extra_periods: int = 3) -> None:
        self._emit = emit
        self._metrics = metrics
        self._unsettled: set[str] = set()
        self.extra_periods = extra_periods
        """How many periods beyond `EvaluationPeriods` are looked at; three span data 3 minutes late."""

    def evaluate_alarms(self, now: datetime) -> None:
        """Bring every alarm to the state its definition asks for at `now`; once per simulated minute."""
        for backend in _backends():
            for alarm in [each for each in backend.alarms.values() if each.rule is None]:
                self._evaluate_metric_alarm(backend, alarm, now)
            for alarm in [each for each in backend.alarms.values() if each.alarm_arn in self._unsettled]:
                self._unsettled.discard(alarm.alarm_arn)
                if alarm.rule is not None:
                    self._evaluate_composite(backend, alarm, None, now)

    def settle_later(self, alarm: Any) -> None:
        """Evaluate a composite alarm at the next minute, for it is new or has a new rule."""
        self._unsettled.add(alarm.alarm_arn)

    def _evaluate_metric_alarm(self, backend: Any, alarm: Any, now: datetime) -> None:
        watch = watch_of(alarm)
        verdict = evaluate(watch, self._datapoints(alarm, watch, now), alarm.state_value, now)
        if verdict is not None:
            self._move(backend, alarm, verdict, now)

    def _datapoints(self, alarm: Any, watch: Watch, now: datetime) -> list[Datapoint]:
        dimensions = {dimension.name: dimension.value for dimension in alarm.dimensions}
        series = self._metrics.series(alarm.namespace, alarm.metric_name, dimensions)
        if series is None:
            return []
        compute = statistic(watch.statistic)
        minutes = watch.period_seconds // SECONDS_PER_MINUTE
        end = epoch_minute(now)
        points = []
        for first in range(
            end - minutes, end - minutes * (watch.evaluation_periods + self.extra_periods + 1), -minutes
        ):
            data = series.over(range(first, first + minutes), now.timestamp(), alarm.unit)
            if data is not None and (value := computed(compute, data)) is not None:
                start = datetime.fromtimestamp(first * SECONDS_PER_MINUTE, UTC)
                points.append(Datapoint(start, value, data.sample_count))
        return points

    def _move(self, backend: Any, alarm: Any, verdict: Evaluation, now: datetime) -> None:
        previous = state_of(alarm)
        alarm.update_state(verdict.reason, verdict.reason_data, verdict.state)
        self.announce(backend, alarm, previous, now)

    def announce(self, backend: Any, alarm: Any, previous: Mapping[str, str], now: datetime) -> None:
        """If an alarm has left the state `previous`, tell EventBridge and the composites that ask it."""
        alarm.state_updated_timestamp = now.replace(tzinfo=None)  # moto's dates have no zone and mean UTC
        if alarm.state_value == previous["value"]:
            return
        alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
        self._emit(state_change(alarm, previous, now))
        act(alarm, previous, now)
        for other in list(backend.alarms.values()):
            if other.rule is not None and alarm.name in AlarmRule.parse(other.rule).alarms:
                self._evaluate_composite(backend, other, alarm, now)

    def _evaluate_composite(self, backend: Any, alarm: Any, trigger: Any | None, now: datetime) -> None:
        states: Mapping[str, str] = {each.name: each.state_value for each in backend.alarms.values()}
        state = ALARM if AlarmRule.parse(alarm.rule).holds(states) else OK
        if state == alarm.state_value:
            return
        if trigger is None:
            reason, data = f"{alarm.alarm_arn} was created and its alarm rule evaluates to {state}", "{}"
        else:
            reason = f"{trigger.alarm_arn} transitioned to {trigger.state_value} at {now:%A %d %B, %Y %H:%M:%S} UTC"
            triggering = {
                "arn": trigger.alarm_arn,
                "state": {"value": trigger.state_value, "timestamp": event_time(now)},
            }
            data = json.dumps({"triggeringAlarms": [triggering]}, separators=(",", ":"))
        self._move(backend, alarm, Evaluation(state, reason, data), now)


def watch_of(alarm: Any) -> Watch:
    """The deciding part of a metric alarm as moto keeps it."""
    ignores_missing = alarm.namespace == "AWS/DynamoDB"
    return Watch(
        comparison=alarm.comparison_operator,
        threshold=float(alarm.threshold),
        evaluation_periods=int(alarm.evaluation_periods),
        datapoints_to_alarm=int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        treat_missing="ignore" if ignores_missing else alarm.treat_missing_data or "missing",
        statistic=alarm.statistic or alarm.extended_statistic,
        period_seconds=int(alarm.period),
    )


def _backends() -> Iterator[Any]:
    for regions in list(cloudwatch_backends.values()):
        yield from list(regions.values())
