"""What a look at a target can show that speaks against a rollout: one small function for each thing.

The law: a function here looks at what was seen, and calls nobody. What it means is said by the table in `preflight`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from rollout.core.alarm_names import is_arn
from rollout.core.inspection import OPT_IN, Inspection, logged_variables
from rollout.core.judge import JudgeSettings, MetricKind, StepPreview
from rollout.core.measures import ACCESS_LOG, Series
from rollout.core.rollout import MOST_ALARMS, Settings
from rollout.core.target import Canary, TargetState
from rollout.ports import AlarmState, BaseHistory

NOT_LOOKED_AT = Inspection()
LOGGED = ("apiId", "stage", "isCanaryRequest", "status", "responseLatency")
"""What the access log's metric filters are made of."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was seen of a target.

    found is None when the target does not exist (`missing` says so); objection: what speaks against the candidate.
    """

    settings: Settings
    found: TargetState | None = None
    missing: str = ""
    objection: str = ""
    inspection: Inspection = NOT_LOOKED_AT
    alarms: Sequence[AlarmState] = ()
    ignores_firing: bool = False
    series: Series | None = None
    stand_in: Series | None = None
    history: Sequence[BaseHistory] = ()
    preview: Sequence[StepPreview] = ()

    @property
    def log_format(self) -> str:
        """The format of the stage's access log, "" where it has none."""
        return self.inspection.access_log_format or ""

    @property
    def overrides(self) -> Mapping[str, str]:
        """The stage variables that the candidate overrides."""
        return self.settings.candidate.overrides


@dataclass(frozen=True, slots=True)
class Sight:
    """What one check saw, and the words that its `fix` needs."""

    what: str
    words: Mapping[str, str] = field(default_factory=dict)


# --- the target and the candidate --------------------------------------------------------------------------------


def target_missing(seen: Seen) -> Iterator[Sight]:
    if seen.found is None:
        yield Sight(seen.missing)


def foreign_canary(seen: Seen) -> Iterator[Sight]:
    if seen.found is not None and seen.found.canary is not None:
        yield Sight(f"{seen.settings.target.key} already has a {seen.found.canary}, and no rollout of it is running")


def candidate_unfit(seen: Seen) -> Iterator[Sight]:
    if seen.objection:
        yield Sight(seen.objection)


def nothing_differs(seen: Seen) -> Iterator[Sight]:
    if seen.found is not None and is_live(seen.settings, seen.found):
        yield Sight(f"{seen.settings.candidate.revision} with these variables is live already")


def override_repeats_base(seen: Seen) -> Iterator[Sight]:
    if seen.found is None or is_live(seen.settings, seen.found):
        return
    for name, value in seen.overrides.items():
        if seen.found.variables.get(name) == value:
            yield Sight(f"candidate.stageVariables.{name}: {value!r} is what the base has, too")


def is_live(settings: Settings, found: TargetState) -> bool:
    """Whether the candidate serves everybody as it is."""
    candidate, behind = settings.candidate, settings.target.behind
    if candidate.revision != found.base:
        return False
    promoted = replace(found, canary=Canary(found.base, Decimal(0), candidate.overrides)).promoted(behind)
    versions = behind.live or behind.spare
    return promoted == found and all(found.aliases[name] == version for name, version in versions.items())


# --- how the API is built ----------------------------------------------------------------------------------------


def _unused(seen: Seen) -> Iterator[str]:
    used = seen.inspection.variables_used
    return iter(()) if used is None else (name for name in seen.overrides if name not in used)


def _only_overrides(seen: Seen) -> bool:
    return seen.found is not None and seen.settings.candidate.revision == seen.found.base


def override_without_effect(seen: Seen) -> Iterator[Sight]:
    unused = list(_unused(seen))
    if unused and len(unused) == len(seen.overrides) and _only_overrides(seen):
        yield Sight(f"candidate.stageVariables: nothing in the API uses {', '.join(unused)}, and nothing else differs")


def override_unused(seen: Seen) -> Iterator[Sight]:
    unused = list(_unused(seen))
    if unused and not (len(unused) == len(seen.overrides) and _only_overrides(seen)):
        yield Sight(f"candidate.stageVariables: nothing in the API as now defined uses {', '.join(unused)}")


def function_missing(seen: Seen) -> Iterator[Sight]:
    for name in dict.fromkeys(each.name for each in seen.inspection.backends if each.exists is False):
        yield Sight(f"{name}, which the candidate calls, does not exist", {"function": name})


def may_not_invoke(seen: Seen) -> Iterator[Sight]:
    denied = [each for each in seen.inspection.backends if each.callable is False and each.exists is not False]
    for name in dict.fromkeys(each.name for each in denied):
        methods = [each.called_as.split("/", 2)[2].replace("/", " /", 1) for each in denied if each.name == name]
        first = next(each for each in denied if each.name == name)
        api, _, rest = first.called_as.partition("/")
        _, partition, _, region, account = first.function.split(":")[:5]
        qualifier = f" --qualifier {first.qualifier}" if first.qualifier else ""
        more = f" and {len(methods) - 1} more methods" if len(methods) > 1 else ""
        yield Sight(
            f"API Gateway may not invoke {name} for {methods[0]}{more}",
            {
                "command": f"aws lambda add-permission --function-name {first.function}{qualifier} --statement-id "
                f"rollout-{api} --action lambda:InvokeFunction --principal apigateway.amazonaws.com --source-arn "
                f"'arn:{partition}:execute-api:{region}:{account}:{api}/{rest.partition('/')[0]}/*'"
            },
        )


# --- what is measured --------------------------------------------------------------------------------------------


def no_recent_data(seen: Seen) -> Iterator[Sight]:
    dry = {metric.name for metric in seen.settings.judge.metrics if metric.dry_run}
    silent = [base for base in seen.history if not base.samples and base.measure.name not in dry]
    if silent:
        names = ", ".join(base.measure.name for base in silent)
        yield Sight(f"no data of {names} in the last {silent[0].minutes} minutes")


def _reads_access_log(seen: Seen) -> bool:
    return seen.series is not None and seen.series.source == ACCESS_LOG


def access_log_missing(seen: Seen) -> Iterator[Sight]:
    if _reads_access_log(seen) and seen.inspection.access_log_format == "":
        yield Sight(f"measurement.source is accessLog, and {seen.settings.target.key} writes no access log")


def access_log_unfit(seen: Seen) -> Iterator[Sight]:
    if not (_reads_access_log(seen) and seen.log_format):
        return
    missing = missing_from(seen.log_format, seen.settings.judge)
    if missing is None:
        yield Sight("the stage's access log is not in JSON")
    elif missing:
        yield Sight(f"the stage's access log lacks {', '.join(f'$context.{name}' for name in missing)}")


def missing_from(log_format: str, judge: JudgeSettings) -> Sequence[str] | None:
    """What an access log of this format lacks to be measured by these metrics; None when it is no JSON."""
    logged = logged_variables(log_format)
    if logged is None:
        return None
    latency = any(metric.kind is MetricKind.LATENCY for metric in judge.metrics)
    return [name for name in LOGGED if name not in logged and (latency or name != "responseLatency")]


def canary_may_stay_unseen(seen: Seen) -> Iterator[Sight]:
    own = seen.series is not None and seen.series.source != ACCESS_LOG
    if own and seen.stand_in is None and seen.inspection.execution_logging is False:
        yield Sight(f"{seen.settings.target.key} has execution logging off, and no metrics of its access log")


# --- what guards it ----------------------------------------------------------------------------------------------


def too_many_alarms(seen: Seen) -> Iterator[Sight]:
    count = len(seen.settings.alarms)
    if count > MOST_ALARMS:
        yield Sight(f"alarms: {count} alarms with those tagged for {seen.settings.target.key}, at most {MOST_ALARMS}")


def alarms_missing(seen: Seen) -> Iterator[Sight]:
    known = {alarm.name for alarm in seen.alarms}
    missing = [name for name in seen.settings.alarms if name not in known and not is_arn(name)]
    if missing and len(seen.settings.alarms) <= MOST_ALARMS:
        yield Sight(f"alarms: {_listed(missing)} not found in this account and region")


def alarms_firing(seen: Seen) -> Iterator[Sight]:
    firing = [alarm.name for alarm in seen.alarms if alarm.state == "ALARM"]
    if firing and not seen.ignores_firing:
        yield Sight(f"alarms: {_listed(firing)} already firing")


def alarms_without_data(seen: Seen) -> Iterator[Sight]:
    if seen.alarms and all(alarm.state == "INSUFFICIENT_DATA" for alarm in seen.alarms):
        yield Sight(f"alarms: {_listed([alarm.name for alarm in seen.alarms])} without sufficient data")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def not_opted_in(seen: Seen) -> Iterator[Sight]:
    if seen.inspection.opted_in is False:
        yield Sight(f"{seen.settings.target.key} does not carry the tag {'='.join(OPT_IN)}")
    for function in seen.inspection.untagged_functions:
        yield Sight(f"function {function} does not carry the tag {'='.join(OPT_IN)}")


def not_looked_at(seen: Seen) -> Iterator[Sight]:
    for each in seen.inspection.unreadable:
        yield Sight(f"not looked at: {each}")


def weak_step(seen: Seen) -> Iterator[Sight]:
    for step in seen.preview:
        for warning in step.warnings:
            yield Sight(f"step {step.step + 1}: {warning}")
