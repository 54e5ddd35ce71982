"""The rollout that would be made of a request, by what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from rollout.core.access_log import LATENCY, STATUS, AccessLog
from rollout.core.account import CanaryMetrics, canary_lacks_series
from rollout.core.base_semantics import BaseSetting
from rollout.core.inspection import Inspection
from rollout.core.judge import (
    BaseTraffic,
    Count,
    JudgeSettings,
    MetricKind,
    StepPreview,
    preview,
    with_base_dispersion,
)
from rollout.core.judge.planning import derived, probed
from rollout.core.judge.ramp import MINUTES_BESIDE_A_BAKE, from_start, likely_course, seen_after
from rollout.core.learning import with_learned
from rollout.core.measures import ACCESS_LOG, BaseHistory, Series
from rollout.core.minutes import MOST_LAG_MINUTES, minutes_more
from rollout.core.preflight.observations import Measured, Observations
from rollout.core.rollout import Settings
from rollout.core.rollout_request import RolloutRequest
from rollout.core.sources import SourceSetting
from rollout.core.spending import counted
from rollout.core.target import Canary, TargetState


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the checks of preflight look at.

    settings: of the rollout, with the tagged alarms, the aliases behind the target, and the learned dispersion.
    measured: by what it would be measured; None where nothing could be read. stand_in: the series to go on with if the
    canary's in `measured` stays missing. preview: what each step can prove with the base's traffic of late.
    """

    request: RolloutRequest
    observed: Observations
    settings: Settings
    measured: Measured | None
    stand_in: Series | None
    preview: Sequence[StepPreview]

    @property
    def course(self) -> str:
        """The likely course, how long it takes at least, and what it costs if everything fails from the start."""
        steps, measured = likely_course(self.settings.plan)
        weights = " → ".join(f"{step.weight_percent.normalize():f}" for step in steps)
        minutes = measured + MINUTES_BESIDE_A_BAKE * len(steps) + self.settings.watch_minutes
        words = f"if all goes well {weights} → 100 %, in about {minutes:,.0f} min"
        errors = _traffic(self.history).get(counted(self.settings.judge) or "")
        if errors is None:
            return words
        # The minute of the change, the one that is judged, and the lag.
        until_seen = self.expected_lag + 2
        worst = errors.requests_per_minute * steps[0].weight * until_seen
        return f"{words}; if everything fails from the start, about {worst:,.0f} bad requests"

    @property
    def state(self) -> TargetState | None:
        """The target as it is, None where it does not exist."""
        return self.observed.state

    @property
    def target_key(self) -> str:
        """The target's name."""
        return self.settings.target.key

    @property
    def inspection(self) -> Inspection:
        """How the target is built, logged and tagged."""
        return self.observed.inspection

    @property
    def history(self) -> Sequence[BaseHistory]:
        """What the base did before the rollout."""
        return self.measured.history if self.measured else ()

    @property
    def has_data(self) -> bool:
        """Whether what it would be measured by has had points."""
        return self.measured is not None and self.measured.has_data

    @property
    def overrides(self) -> Mapping[str, str]:
        """The stage variables that the candidate overrides."""
        return self.settings.candidate.overrides

    @property
    def access_log(self) -> AccessLog | None:
        """The access log, where the rollout would be measured by it and the stage writes one."""
        log = self.inspection.access_log
        return log if self.reads_access_log and log is not None and log.format else None

    @property
    def log_metrics(self) -> Sequence[str]:
        """The metrics of the access log that it would be judged by."""
        return log_metrics(self.settings.judge)

    @property
    def reads_access_log(self) -> bool:
        """Whether the rollout would be measured by the access log."""
        return self.measured is not None and self.measured.series.source == ACCESS_LOG

    @property
    def lag_minutes(self) -> int:
        """The lag that the longest invocation of the last hours, or the account's probe, asks for; 0 where that is the
        request's own.
        """
        asked, found = self.settings.calendar.lag_minutes, 0 if self.reads_access_log else self.request.lag_found
        more = minutes_more(max((base.longest_ms for base in self.history), default=0.0) / 1000)
        lag = min(MOST_LAG_MINUTES, max(asked, found) + more)
        return lag if lag > asked else 0

    @property
    def expected_lag(self) -> int:
        """After how many minutes a minute's points are expected to be complete."""
        return max(self.settings.calendar.lag_minutes, self.lag_minutes)

    @property
    def firing_alarms(self) -> tuple[str, ...]:
        """The alarms that fire before the rollout has begun."""
        return tuple(alarm.name for alarm in self.observed.alarms if alarm.state == "ALARM")

    @property
    def live_already(self) -> bool:
        """Whether the candidate serves everybody as it is."""
        return self.state is not None and _is_live(self.settings, self.state)

    @property
    def source_in_words(self) -> str:
        """What the rollout will be measured by."""
        routes = len(self.settings.judge.routes)
        judged = f"; harm is judged by {routes} routes, too" if routes else ""
        return f"{self._series_in_words}{judged}{self._account_in_words}"

    @property
    def _account_in_words(self) -> str:
        """What is gone by only because the account's probe has found it; "" for nothing."""
        account, request = self.request.account, self.request
        if account is None or self.reads_access_log:
            return ""
        found = []
        if account.canary_series and not request.canary_series:
            found.append(f"the canary's series is {account.canary_series}")
        if account.inclusive is not None and request.base_setting is BaseSetting.AUTO:
            contains = "contains" if account.inclusive else "does not contain"
            found.append(f"the stage's series {contains} its requests")
        if request.canary_metrics_found is CanaryMetrics.ALWAYS and self.inspection.execution_logging is False:
            found.append("it needs no execution logging")
        if request.lag_found > self.settings.calendar.lag_minutes:
            found.append(f"points come up to {request.lag_found} minutes late")
        return f"; as the account's probe of {account.probed_on} found, {', '.join(found)}" if found else ""

    @property
    def _series_in_words(self) -> str:
        if self.reads_access_log:
            return "measured by the access log's metrics"
        if self.stand_in is not None:
            return "measured by CloudWatch's own series; the access log's metrics stand in if the canary has none"
        return "measured by CloudWatch's own series"


def prospect_of(request: RolloutRequest, observed: Observations) -> Prospect:
    """The rollout that would be made."""
    request = request.informed_by(observed.account)
    settings = request.settings
    alarms = tuple(dict.fromkeys([*settings.alarms, *observed.tagged_alarms]))
    judge = with_learned(settings.judge, observed.lessons)
    measured, stand_in = _source(request, judge, observed)
    if measured:
        by_minute = {base.measure.name: base.by_minute for base in measured.history if base.by_minute}
        judge = with_base_dispersion(judge, by_minute)._replace(routes=tuple(measured.routes))
    settings = replace(settings, target=observed.target, alarms=alarms, judge=judge)
    settings = replace(settings, max_bad_requests=_most_bad_requests(settings, measured))
    traffic = _traffic(measured.history) if measured else {}
    if request.names_no_steps:
        settings = replace(settings, plan=derived(judge, settings.plan, traffic))
    errors = traffic.get(counted(judge) or "")
    per_minute = errors.requests_per_minute if errors else 0.0
    lag = Prospect(request, observed, settings, measured, stand_in, ()).expected_lag
    plan = from_start(seen_after(settings.plan, lag), per_minute)
    plan = probed(plan, per_minute, lag) if request.probes else plan
    settings = replace(settings, plan=plan)
    steps = preview(judge, settings.plan, traffic) if measured else ()
    return Prospect(request, observed, settings, measured, stand_in, steps)


def _most_bad_requests(settings: Settings, measured: Measured | None) -> int | None:
    """What the rollout may cost, by the request and by the error budget at the base's traffic of late."""
    if settings.error_budget is None:
        return settings.max_bad_requests
    name = counted(settings.judge)
    seen = next((base for base in measured.history if base.measure.name == name), None) if measured else None
    requests = seen.count.requests / seen.minutes if seen and isinstance(seen.count, Count) else 0.0
    share = settings.error_budget.requests(requests)
    return share if settings.max_bad_requests is None else min(share, settings.max_bad_requests)


def log_metrics(judge: JudgeSettings) -> Sequence[str]:
    """The metrics of an access log that a rollout with these settings is judged by."""
    latency = any(metric.kind is MetricKind.LATENCY for metric in judge.metrics)
    return (STATUS, LATENCY) if latency else (STATUS,)


def _source(
    request: RolloutRequest, judge: JudgeSettings, observed: Observations
) -> tuple[Measured | None, Series | None]:
    """By what to measure, and what may have to stand in.

    Left to us, it is CloudWatch's own series, unless the canary can be expected to have none there and the access log
    has metrics. Where both are there, the access log stands in.
    """
    own, logged, inspection = observed.by_cloudwatch, observed.by_access_log, observed.inspection
    if request.source is SourceSetting.ACCESS_LOG:
        return logged, None
    if request.source is SourceSetting.CLOUDWATCH or own is None or logged is None:
        return own, None
    if logged.has_data and (
        not own.has_data or canary_lacks_series(request.canary_metrics_found, inspection.execution_logging)
    ):
        return logged, None
    log = inspection.access_log
    fits = logged.has_data or (log is not None and log.fits(log_metrics(judge), logged.series.base))
    return own, logged.series if fits else None


def _is_live(settings: Settings, state: TargetState) -> bool:
    candidate, behind = settings.candidate, settings.target.behind
    if candidate.revision != state.base:
        return False
    promoted = replace(state, canary=Canary(state.base, Decimal(0), candidate.overrides)).promoted(behind)
    versions = behind.live or behind.spare
    return promoted == state and all(state.aliases[name] == version for name, version in versions.items())


def _traffic(history: Sequence[BaseHistory]) -> Mapping[str, BaseTraffic]:
    return {
        base.measure.name: BaseTraffic(base.count.requests / base.minutes, base.count.bad / base.count.requests)
        for base in history
        if isinstance(base.count, Count) and base.count.requests
    }
