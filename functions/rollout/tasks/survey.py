"""Survey: what a request would find, and whether a rollout could be made of it. Nothing is touched.

Prepare goes on from here; `rollout preflight` shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from rollout.core.judge import BaseTraffic, StepPreview, preview
from rollout.core.learning import with_learned
from rollout.core.measures import Series
from rollout.core.rollout import MOST_ALARMS, Settings
from rollout.core.target import Canary, Target, TargetState
from rollout.errors import Busy, Refused, Repeated
from rollout.ports import BaseHistory, Ports
from rollout.request import Request


@dataclass(frozen=True, slots=True)
class Survey:
    """The target as found, what it did lately, and the settings that a rollout of it would have."""

    settings: Settings
    found: TargetState
    series: Series
    history: Sequence[BaseHistory]

    @property
    def live_already(self) -> bool:
        """Whether the candidate serves everybody as it is."""
        candidate, behind = self.settings.candidate, self.settings.target.behind
        if candidate.revision != self.found.base:
            return False
        canary = Canary(candidate.revision, Decimal(0), candidate.overrides)
        promoted = replace(self.found, canary=canary).promoted(behind)
        versions = behind.live or behind.spare
        return promoted == self.found and all(self.found.aliases[name] == versions[name] for name in versions)

    def preview(self) -> Sequence[StepPreview]:
        """What each step of the plan can prove and see with the base's traffic of late."""
        traffic = {
            base.measure.name: BaseTraffic(base.count.requests / base.minutes, base.count.bad / base.count.requests)
            for base in self.history
            if base.count.requests
        }
        return preview(self.settings.judge, self.settings.plan, traffic)


def survey(ports: Ports, request: Request, now: datetime) -> Survey:
    """Look at everything that the rollout will need.

    Raises: Refused, Busy, Repeated, TargetMissing, InvalidRequest, and what the ports raise.
    """
    target = request.rolled_out
    _check_free(ports, request, target)
    settings = request.settings(_alarms(ports, request, target))
    if request.measurement.learn_dispersion:
        settings = replace(settings, judge=with_learned(settings.judge, ports.store.learned(target)))
    shifter, source = ports.shifter(target), ports.source(target)
    found = shifter.read(target)
    if found.canary is not None:
        raise Refused(
            f"{target.key} already has a {found.canary} that no rollout of ours made; promote or remove it first"
        )
    if behind := request.behind(found.variables):
        target = replace(target, behind=behind)
        settings = replace(settings, target=target)
        found = shifter.read(target)
    shifter.verify(target, settings.candidate)
    series = shifter.series(target, request.measurement.canary_series)
    last_minute = settings.calendar.last_closed(now)
    history = source.history(series, [metric.name for metric in settings.judge.metrics], last_minute)
    surveyed = Survey(settings, found, series, history)
    if not surveyed.live_already:
        _check_spare(target, found)
    return surveyed


def _check_spare(target: Target, found: TargetState) -> None:
    """See that nobody is served by the aliases that are to be moved before the canary is made.

    Raises: Refused.
    """
    for name, alias in target.behind.variables.items():
        if found.variables.get(name) == alias:
            raise Refused(
                f"candidate.stageVariables.{name}: the stage is on alias {alias} already, so to move that would move "
                "everybody at once; let the canary use the other alias"
            )


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
    raise Busy(
        f"{target.key} is held by rollout {holder} since {running.started_at.isoformat()}; wait for it, abort it, or "
        'say onConflict "supersede"',
        holder,
    )


def _alarms(ports: Ports, request: Request, target: Target) -> tuple[str, ...]:
    """The alarms of the request and those tagged for the target, none of them firing.

    Raises: Refused.
    """
    names = tuple(dict.fromkeys([*request.alarms, *ports.alarms.tagged_for(target)]))
    if not names:
        return ()
    if len(names) > MOST_ALARMS:
        raise Refused(f"alarms: {len(names)} alarms with those tagged for {target.key}, at most {MOST_ALARMS} may be")
    states = ports.alarms.named(names)
    missing = [name for name in names if name not in {alarm.name for alarm in states}]
    if missing:
        raise Refused(f"alarms: {_listed(missing)} not found in this account and region")
    firing = [alarm.name for alarm in states if alarm.state == "ALARM"]
    if firing and not request.ignore_alarms_already_firing:
        raise Refused(
            f"alarms: {_listed(firing)} already firing; wait until it is over, or set ignoreAlarmsAlreadyFiring "
            "to let it count only from the next time it fires"
        )
    return names


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
