"""What the alarms that would be watched show that speaks against a rollout.

The law: a function here looks at what would be rolled out, and calls nobody. What it means is said by the table in
`checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

from rollout.core.alarm_names import is_arn
from rollout.core.inspection import AlarmState
from rollout.core.preflight.match import Match
from rollout.core.preflight.prospect import Prospect
from rollout.core.rollout import MOST_ALARMS

OWN_NAMESPACES = ("AWS/ApiGateway", "AWS/Lambda")
"""Elsewhere a dimension of the same name may mean something else."""


def too_many_alarms(prospect: Prospect) -> Iterator[Match]:
    count = len(prospect.settings.alarms)
    if count > MOST_ALARMS:
        yield Match(f"alarms: {count} alarms with those tagged for {prospect.target_key}, at most {MOST_ALARMS}")


def alarms_missing(prospect: Prospect) -> Iterator[Match]:
    missing = [name for name in _absent(prospect) if not _is_elsewhere(prospect, name)]
    if missing:
        command = "aws cloudwatch describe-alarms --query '*[].AlarmName' --output text"
        yield Match(f"alarms: {_listed(missing)} not found in this account and region", command=command)


def alarms_elsewhere(prospect: Prospect) -> Iterator[Match]:
    for name in _absent(prospect):
        if _is_elsewhere(prospect, name):
            _, _, _, region, account, _, alarm = name.split(":", 6)
            yield Match(
                f"alarms: {alarm} is of account {account} in {region}, where its state cannot be read",
                command=f"aws cloudwatch describe-alarms --alarm-names {quote(alarm)} --region {region} "
                "--query 'MetricAlarms[].StateValue'",
            )


def _absent(prospect: Prospect) -> Sequence[str]:
    """Those that are named and that DescribeAlarms does not show."""
    known = {alarm.name for alarm in prospect.observed.alarms}
    few = len(prospect.settings.alarms) <= MOST_ALARMS
    return [name for name in prospect.settings.alarms if name not in known] if few else ()


def _is_elsewhere(prospect: Prospect, name: str) -> bool:
    """Whether it is named by an ARN of another account or region; where we are may not be known."""
    home = prospect.observed.controller.home if prospect.observed.controller else ""
    return is_arn(name) and name.split(":")[3:5] != home.split(":")[3:5]


def alarms_firing(prospect: Prospect) -> Iterator[Match]:
    firing = prospect.firing_alarms
    if firing and not prospect.request.ignores_firing_alarms:
        yield Match(f"alarms: {_listed(firing)} already firing")


def alarms_without_data(prospect: Prospect) -> Iterator[Match]:
    for alarm in prospect.observed.alarms:
        silent = alarm.metric in prospect.observed.silent
        if alarm.state != "INSUFFICIENT_DATA" and not silent:
            continue
        never = f": {alarm.metric} had no point in two weeks" if silent else ""
        meant = f"; its series is that of {_dimensions(prospect)}" if silent and _wrong(prospect, alarm) else ""
        yield Match(f"alarms: {alarm.name} is without sufficient data{never}{meant}")


def alarms_of_another(prospect: Prospect) -> Iterator[Match]:
    for alarm in prospect.observed.alarms:
        if alarm.metric not in prospect.observed.silent and (wrong := _wrong(prospect, alarm)):
            yield Match(f"alarms: {alarm.name} watches {alarm.metric}, which is not {prospect.target_key}", wrong)


def _wrong(prospect: Prospect, alarm: AlarmState) -> Mapping[str, str]:
    """The target's dimensions, where the alarm has one of them with a value that is neither base's nor canary's."""
    own = prospect.observed.own
    if own is None or alarm.metric is None or alarm.metric.namespace not in OWN_NAMESPACES:
        return {}
    given = dict(alarm.metric.dimensions)
    shared = given.keys() & own.base.keys()
    right = all(given[name] in (own.base[name], own.canary.get(name)) for name in shared)
    return {} if right else {"dimensions": _dimensions(prospect)}


def _dimensions(prospect: Prospect) -> str:
    own = prospect.observed.own
    return ", ".join(f"{name}={value}" for name, value in own.base.items()) if own else ""


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
