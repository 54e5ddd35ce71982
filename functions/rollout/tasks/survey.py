"""Survey: what a request would find, and whether a rollout could be made of it. Nothing is touched.

Prepare goes on from here; `rollout preflight` shows it. What the survey sees is judged by `preflight`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.core.findings import Finding, Severity
from rollout.core.inspection import Inspection
from rollout.core.judge import BaseTraffic, Count, JudgeSettings, Plan, StepPreview, preview, with_base_dispersion
from rollout.core.learning import with_learned
from rollout.core.measures import ACCESS_LOG, Series
from rollout.core.rollout import MOST_ALARMS, Settings
from rollout.core.sources import SourceSetting, access_log_series, custom_series
from rollout.core.target import Target, TargetState
from rollout.errors import Busy, InvalidRequest, Refused, Repeated, TargetMissing, Unfit
from rollout.ports import BaseHistory, Ports
from rollout.request import Request
from rollout.tasks.looks import Seen, is_live, missing_from
from rollout.tasks.preflight import findings


@dataclass(frozen=True, slots=True)
class Survey:
    """The target as found, what it did lately, the settings that a rollout of it would have, and the warnings.

    stand_in: the series to go on with if the canary's in `series` stays missing.
    """

    settings: Settings
    found: TargetState
    series: Series
    stand_in: Series | None
    history: Sequence[BaseHistory]
    preview: Sequence[StepPreview]
    warnings: tuple[Finding, ...]

    @property
    def live_already(self) -> bool:
        """Whether the candidate serves everybody as it is."""
        return is_live(self.settings, self.found)

    @property
    def source_in_words(self) -> str:
        """What the rollout will be measured by."""
        if self.series.source == ACCESS_LOG:
            return "measured by the access log's metrics"
        if self.stand_in is not None:
            return "measured by CloudWatch's own series; the access log's metrics stand in if the canary has none"
        return "measured by CloudWatch's own series"


def survey(ports: Ports, request: Request, now: datetime) -> Survey:
    """Look at everything that the rollout will need.

    Raises: Unfit (with all that was found), Busy, Repeated, InvalidRequest, and what the ports raise.
    """
    target = request.rolled_out
    _check_free(ports, request, target)
    seen = _look(ports, request, target, now)
    found = findings(seen)
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    if errors or seen.found is None or seen.series is None:
        raise Unfit(found, errors)
    return Survey(seen.settings, seen.found, seen.series, seen.stand_in, seen.history, seen.preview, found)


def _look(ports: Ports, request: Request, target: Target, now: datetime) -> Seen:
    """All that can be seen, the target before anything else: an unknown one must not hide behind an alarm."""
    shifter = ports.shifter(target)
    found, missing, objection = None, "", ""
    try:
        found = shifter.read(target)
    except TargetMissing as error:
        missing = str(error)
    names = tuple(dict.fromkeys([*request.alarms, *ports.alarms.tagged_for(target)]))
    settings = request.settings(names)
    seen = Seen(
        settings,
        found,
        missing,
        alarms=ports.alarms.named(names) if names and len(names) <= MOST_ALARMS else (),
        ignores_firing=request.ignore_alarms_already_firing,
    )
    if found is None:
        return seen
    try:
        settings, found = _with_aliases(ports, request, settings, found)
        target = settings.target
        shifter.verify(target, settings.candidate)
    except (Refused, TargetMissing) as error:
        objection = str(error)
    if request.measurement.learn_dispersion:
        settings = replace(settings, judge=with_learned(settings.judge, ports.store.learned(target)))
    inspection = ports.inspector(target).inspect(target, settings.candidate)
    setting = SourceSetting(request.measurement.source)
    own = shifter.series(target, request.measurement.canary_series)
    custom = custom_series(request.custom_metrics, target, found, settings.candidate, own.base)
    measured = _measured(
        ports, settings, replace(own, custom=custom), setting, settings.calendar.last_closed(now), inspection
    )
    by_minute = {base.measure.name: base.by_minute for base in measured.history if base.by_minute}
    settings = replace(settings, judge=with_base_dispersion(settings.judge, by_minute))
    return replace(
        seen,
        settings=settings,
        found=found,
        objection=objection,
        inspection=inspection,
        series=measured.series,
        stand_in=measured.stand_in,
        history=measured.history,
        preview=_preview(settings.judge, settings.plan, measured.history),
    )


def _with_aliases(
    ports: Ports, request: Request, settings: Settings, found: TargetState
) -> tuple[Settings, TargetState]:
    """The settings and the target with the function aliases behind it, where the request moves any.

    Raises: Refused, TargetMissing (one of them does not exist), NotAllowed, Unavailable.
    """
    behind = request.behind(found.variables)
    if not behind:
        return settings, found
    target = replace(settings.target, behind=behind)
    settings, found = replace(settings, target=target), ports.shifter(target).read(target)
    if not is_live(settings, found):
        for name, alias in behind.variables.items():
            if found.variables.get(name) == alias:
                raise Refused(
                    f"candidate.stageVariables.{name}: the stage itself is on alias {alias} already, so to move that "
                    "alias would move everybody at once; let the canary use the other one"
                )
    return settings, found


@dataclass(frozen=True, slots=True)
class _Measured:
    """The series to read, what the base did in it, and the series that may have to stand in."""

    series: Series
    history: Sequence[BaseHistory]
    stand_in: Series | None = None

    @property
    def has_data(self) -> bool:
        return any(base.samples for base in self.history)


def _measured(
    ports: Ports, settings: Settings, own: Series, setting: SourceSetting, last_minute: int, inspection: Inspection
) -> _Measured:
    """By what to measure. Left to us, it is CloudWatch's own series, unless the canary can be expected to have none
    there and the access log has metrics; where both are there, the access log stands in.

    Raises: InvalidRequest (an access log is asked for, of a target that has none), and what the ports raise.
    """
    target = settings.target
    names = [metric.name for metric in settings.judge.metrics]
    logged = access_log_series(target)
    logged = replace(logged, custom=own.custom) if logged else None

    def read(series: Series) -> _Measured:
        return _Measured(series, ports.source(target, series).history(series, names, last_minute))

    if setting is SourceSetting.ACCESS_LOG:
        if logged is None:
            raise InvalidRequest(f"measurement.source: {target.kind} has no access log; leave it out")
        return read(logged)
    by_own = read(own)
    if setting is SourceSetting.CLOUDWATCH or logged is None or not inspection.access_log_format:
        return by_own
    try:
        by_log = read(logged)
    except Refused:  # a metric that an access log does not have
        return by_own
    if by_log.has_data and (not by_own.has_data or inspection.execution_logging is False):
        return by_log
    fits = by_log.has_data or missing_from(inspection.access_log_format, settings.judge) == []
    return replace(by_own, stand_in=logged) if fits else by_own


def _preview(judge: JudgeSettings, plan: Plan, history: Sequence[BaseHistory]) -> Sequence[StepPreview]:
    """What each step of the plan can prove and see with the base's traffic of late."""
    traffic = {
        base.measure.name: BaseTraffic(base.count.requests / base.minutes, base.count.bad / base.count.requests)
        for base in history
        if isinstance(base.count, Count) and base.count.requests
    }
    return preview(judge, plan, traffic)


def _check_free(ports: Ports, request: Request, target: Target) -> None:
    """See that no other rollout holds the target, before its canary is taken for a stranger's.

    Raises: Busy, Repeated. One that takes the target after this is found when it is locked.
    """
    holder = ports.store.holder(target)
    running = ports.store.load(holder) if holder is not None else None
    if holder is None or running is None:
        return
    if request.request_id is not None and running.request_id == request.request_id:
        raise Repeated(f"request {request.request_id} is rollout {holder}", holder)
    raise Busy(target.key, holder, running.started_at)
