"""What the alarms that would be watched show that speaks against a rollout.

The law: a function here looks at what would be rolled out, and calls nobody. What it means is said by the table in
`checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollout.core.alarm_names import is_arn
from rollout.core.preflight.match import Match
from rollout.core.preflight.prospect import Prospect
from rollout.core.rollout import MOST_ALARMS


def too_many_alarms(prospect: Prospect) -> Iterator[Match]:
    count = len(prospect.settings.alarms)
    if count > MOST_ALARMS:
        yield Match(f"alarms: {count} alarms with those tagged for {prospect.target_key}, at most {MOST_ALARMS}")


def alarms_missing(prospect: Prospect) -> Iterator[Match]:
    known = {alarm.name for alarm in prospect.observed.alarms}
    missing = [name for name in prospect.settings.alarms if name not in known and not is_arn(name)]
    if missing and len(prospect.settings.alarms) <= MOST_ALARMS:
        yield Match(f"alarms: {_listed(missing)} not found in this account and region")


def alarms_firing(prospect: Prospect) -> Iterator[Match]:
    firing = prospect.firing_alarms
    if firing and not prospect.request.ignores_firing_alarms:
        yield Match(f"alarms: {_listed(firing)} already firing")


def alarms_without_data(prospect: Prospect) -> Iterator[Match]:
    if prospect.observed.alarms and all(alarm.state == "INSUFFICIENT_DATA" for alarm in prospect.observed.alarms):
        yield Match(f"alarms: {_listed([alarm.name for alarm in prospect.observed.alarms])} without sufficient data")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
