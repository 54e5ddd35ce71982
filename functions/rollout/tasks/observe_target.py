"""Observe: read once everything that a request is judged by. Nothing is touched, and `core.preflight` judges."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from rollout.core.inspection import AlarmMetric, AlarmState, Inspection
from rollout.core.judge import Route
from rollout.core.judge.settings import WITH_ROUTES, route_metric_name
from rollout.core.measures import Series
from rollout.core.preflight.observations import Measured, Observations
from rollout.core.rollout import MOST_ALARMS, Rollout
from rollout.core.rollout_request import RolloutRequest
from rollout.core.sources import SourceSetting, access_log_series, custom_series
from rollout.core.target import NOTHING_BEHIND, Canary, Target
from rollout.errors import Busy, NotAllowed, Refused, Repeated, TargetMissing
from rollout.ports import Ports
from rollout.tasks.claim import check_claim


def observe_target(ports: Ports, request: RolloutRequest, now: datetime) -> Observations:
    """Read the target before anything else: an unknown one must not hide behind an alarm.

    Raises: NotOurs, Busy, Repeated (another rollout holds the target, or the one of this very request), Refused,
        InvalidRequest (a metric that cannot be read, or that cannot tell base and canary apart), and what the ports
        raise.
    """
    target, candidate = request.settings.target, request.settings.candidate
    check_claim(ports, target)
    _check_free(ports, target, request.request_id)
    shifter = ports.shifter(target)
    state, missing, objection, command = None, "", "", ""
    try:
        state = shifter.read(target)
    except TargetMissing as error:
        missing = str(error)
    tagged = ports.alarms.tagged_for(target)
    alarms = _alarms(ports, request, tagged)
    ours = ports.controllers.own
    seen = Observations(target, state, missing, tagged_alarms=tagged, alarms=alarms, controller=ours)
    if state is None:
        return replace(seen, other_api=ports.inspector(target).other_api(target))
    seen = replace(seen, silent=_silent(ports, alarms, now))
    if state.canary is not None:
        whose = _begun_last(ports, target, state.canary)
        seen = replace(seen, canary_of=whose, removal_command=shifter.removal_command(target))
    try:
        if (behind := request.behind(state.variables)) is not NOTHING_BEHIND:
            with_aliases = replace(target, behind=behind)
            target, state = with_aliases, shifter.read(with_aliases)
        shifter.verify(target, candidate)
    except (Refused, TargetMissing) as error:
        objection, command = str(error), error.command
    account = ports.store.account()
    request = request.informed_by(account)
    lessons = ports.store.learned(target) if request.learns_dispersion else {}
    inspection = ports.inspector(target).inspect(target, candidate)
    own = shifter.series(target, request.canary_series_by_now)
    custom = custom_series(request.custom_metrics, target, state, candidate, own.base)
    own = replace(own, custom=custom)
    seen = replace(
        seen,
        target=target,
        state=state,
        objection=objection,
        objection_command=command,
        lessons=lessons,
        inspection=inspection,
        own=own,
        account=account,
    )
    if request.source is not SourceSetting.ACCESS_LOG:
        seen = replace(seen, by_cloudwatch=_measured(ports, request, own, now))
    return replace(seen, by_access_log=_logged(ports, request, own, inspection, now))


def _begun_last(ports: Ports, target: Target, canary: Canary) -> Rollout | None:
    """The last rollout of the target, if this canary is of its candidate, at whatever weight."""
    last = ports.store.last(target)
    rollout = ports.store.load(last) if last is not None else None
    if rollout is None:
        return None
    states = (*rollout.expected_states, *(each.state for each in rollout.left))
    revisions = {rollout.settings.candidate.revision, *(each.canary.revision for each in states if each.canary)}
    return rollout if canary.revision in revisions else None


def _check_free(ports: Ports, target: Target, request_id: str | None) -> None:
    """See that no other rollout holds the target, before its canary is taken for a stranger's.

    Raises: Busy, Repeated. One that takes the target after this is found when it is locked.
    """
    holder = ports.store.holder(target)
    running = ports.store.load(holder) if holder is not None else None
    if holder is None or running is None:
        return
    if request_id is not None and running.request_id == request_id:
        raise Repeated(f"request {request_id} is rollout {holder}", holder)
    raise Busy(target.key, holder, running.started_at)


def _alarms(ports: Ports, request: RolloutRequest, tagged: Sequence[str]) -> Sequence[AlarmState]:
    """The alarms as they are, unless they are more than a rollout may watch."""
    names = tuple(dict.fromkeys([*request.settings.alarms, *tagged]))
    return ports.alarms.named(names) if names and len(names) <= MOST_ALARMS else ()


def _silent(ports: Ports, alarms: Sequence[AlarmState], now: datetime) -> frozenset[AlarmMetric]:
    """The series of these alarms that had no point in two weeks."""
    watched = frozenset(alarm.metric for alarm in alarms if alarm.metric is not None)
    return watched - ports.alarms.seen(sorted(watched, key=str), now)


def _logged(
    ports: Ports, request: RolloutRequest, own: Series, inspection: Inspection, now: datetime
) -> Measured | None:
    """By the access log, where it is asked for or could stand in."""
    logged = access_log_series(request.settings.target)
    if logged is None:
        return None
    series = replace(logged, custom=own.custom)
    if request.source is SourceSetting.ACCESS_LOG:
        return _measured(ports, request, series, now)
    if request.source is SourceSetting.CLOUDWATCH or not _writes_log(inspection):
        return None
    try:
        return _measured(ports, request, series, now)
    except Refused:  # a metric that an access log does not have
        return None


def _writes_log(inspection: Inspection) -> bool:
    return inspection.access_log is not None and inspection.access_log.format != ""


def _measured(ports: Ports, request: RolloutRequest, series: Series, now: datetime) -> Measured:
    names = [metric.name for metric in request.settings.judge.metrics]
    source = ports.source(request.settings.target, series)
    last = request.settings.calendar.last_closed(now)
    history = source.history(series, names, last)
    by_route = [name for name in names if name in WITH_ROUTES] if request.judges_routes else []
    routes: Sequence[Route] = ()
    with suppress(NotAllowed):  # a permission that came later than the others; the whole is judged without it
        routes = source.routes(series, last) if by_route else ()
    of_routes = [route_metric_name(name, route.name) for route in routes for name in by_route]
    return Measured(series, history, routes, source.history(series, of_routes, last) if routes else ())
