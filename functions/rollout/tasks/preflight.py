"""Preflight: everything that a look at the target can say against a rollout, before anything is touched.

The law: a check looks at what was seen and calls nobody. Each is one row of `CHECKS`; all are made, so that a person
is told everything at once. An error refuses the request; a warning is shown, and kept with the rollout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from rollout.core.findings import Finding, Severity
from rollout.core.inspection import OPT_IN, Inspection, logged_variables
from rollout.core.judge import JudgeSettings, MetricKind, StepPreview
from rollout.core.measures import ACCESS_LOG, Series
from rollout.core.rollout import MOST_ALARMS, Settings
from rollout.core.sources import SourceSetting
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
    source_setting: SourceSetting = SourceSetting.AUTO
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


@dataclass(frozen=True, slots=True)
class Check:
    """One row: what to look for (`look` yields what it saw), why it matters, and how to fix it."""

    code: str
    severity: Severity
    looks_for: str
    why: str
    fix: str
    look: Callable[[Seen], Iterable[Sight]]

    def findings(self, seen: Seen) -> Iterator[Finding]:
        """What this check finds."""
        for sight in self.look(seen):
            yield Finding(self.code, self.severity, sight.what, self.why, self.fix.format_map(sight.words))


def findings(seen: Seen) -> tuple[Finding, ...]:
    """What all checks find, errors first."""
    found = [finding for check in CHECKS for finding in check.findings(seen)]
    return tuple(sorted(found, key=lambda finding: finding.severity is Severity.WARNING))


# --- the target and the candidate --------------------------------------------------------------------------------


def _target_missing(seen: Seen) -> Iterator[Sight]:
    if seen.found is None:
        yield Sight(seen.missing)


def _foreign_canary(seen: Seen) -> Iterator[Sight]:
    if seen.found is not None and seen.found.canary is not None:
        yield Sight(f"{seen.settings.target.key} already has a {seen.found.canary} that no rollout of ours made")


def _candidate_unfit(seen: Seen) -> Iterator[Sight]:
    if seen.objection:
        yield Sight(seen.objection)


def _nothing_differs(seen: Seen) -> Iterator[Sight]:
    if seen.found is not None and is_live(seen.settings, seen.found):
        yield Sight(f"{seen.settings.candidate.revision} with these variables is live already")


def _override_repeats_base(seen: Seen) -> Iterator[Sight]:
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


def _override_without_effect(seen: Seen) -> Iterator[Sight]:
    unused = list(_unused(seen))
    if unused and len(unused) == len(seen.overrides) and _only_overrides(seen):
        yield Sight(f"candidate.stageVariables: nothing in the API uses {', '.join(unused)}, and nothing else differs")


def _override_unused(seen: Seen) -> Iterator[Sight]:
    unused = list(_unused(seen))
    if unused and not (len(unused) == len(seen.overrides) and _only_overrides(seen)):
        yield Sight(f"candidate.stageVariables: nothing in the API as now defined uses {', '.join(unused)}")


def _function_missing(seen: Seen) -> Iterator[Sight]:
    for name in dict.fromkeys(each.name for each in seen.inspection.backends if each.exists is False):
        yield Sight(f"{name}, which the candidate calls, does not exist", {"function": name})


def _may_not_invoke(seen: Seen) -> Iterator[Sight]:
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


def _no_recent_data(seen: Seen) -> Iterator[Sight]:
    dry = {metric.name for metric in seen.settings.judge.metrics if metric.dry_run}
    silent = [base for base in seen.history if not base.samples and base.measure.name not in dry]
    if silent:
        names = ", ".join(base.measure.name for base in silent)
        yield Sight(f"no data of {names} in the last {silent[0].minutes} minutes")


def _reads_access_log(seen: Seen) -> bool:
    return seen.series is not None and seen.series.source == ACCESS_LOG


def _access_log_missing(seen: Seen) -> Iterator[Sight]:
    if _reads_access_log(seen) and seen.inspection.access_log_format == "":
        yield Sight(f"measurement.source is accessLog, and {seen.settings.target.key} writes no access log")


def _access_log_unfit(seen: Seen) -> Iterator[Sight]:
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


def _canary_may_stay_unseen(seen: Seen) -> Iterator[Sight]:
    own = seen.series is not None and seen.series.source != ACCESS_LOG
    if own and seen.stand_in is None and seen.inspection.execution_logging is False:
        yield Sight(f"{seen.settings.target.key} has execution logging off, and no metrics of its access log")


# --- what guards it ----------------------------------------------------------------------------------------------


def _too_many_alarms(seen: Seen) -> Iterator[Sight]:
    count = len(seen.settings.alarms)
    if count > MOST_ALARMS:
        yield Sight(f"alarms: {count} alarms with those tagged for {seen.settings.target.key}, at most {MOST_ALARMS}")


def _alarms_missing(seen: Seen) -> Iterator[Sight]:
    known = {alarm.name for alarm in seen.alarms}
    missing = [name for name in seen.settings.alarms if name not in known]
    if missing and len(seen.settings.alarms) <= MOST_ALARMS:
        yield Sight(f"alarms: {_listed(missing)} not found in this account and region")


def _alarms_firing(seen: Seen) -> Iterator[Sight]:
    firing = [alarm.name for alarm in seen.alarms if alarm.state == "ALARM"]
    if firing and not seen.ignores_firing:
        yield Sight(f"alarms: {_listed(firing)} already firing")


def _alarms_without_data(seen: Seen) -> Iterator[Sight]:
    if seen.alarms and all(alarm.state == "INSUFFICIENT_DATA" for alarm in seen.alarms):
        yield Sight(f"alarms: {_listed([alarm.name for alarm in seen.alarms])} without sufficient data")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _not_opted_in(seen: Seen) -> Iterator[Sight]:
    if seen.inspection.opted_in is False:
        yield Sight(f"{seen.settings.target.key} does not carry the tag {'='.join(OPT_IN)}")
    for function in seen.inspection.untagged_functions:
        yield Sight(f"function {function} does not carry the tag {'='.join(OPT_IN)}")


def _not_looked_at(seen: Seen) -> Iterator[Sight]:
    for each in seen.inspection.unreadable:
        yield Sight(f"not looked at: {each}")


def _weak_step(seen: Seen) -> Iterator[Sight]:
    for step in seen.preview:
        for warning in step.warnings:
            yield Sight(f"step {step.step + 1}: {warning}")


CHECKS: tuple[Check, ...] = (
    Check(
        "target-missing",
        Severity.ERROR,
        "The stage or alias does not exist.",
        "There is nothing to roll out on.",
        "name an existing one of this account and region",
        _target_missing,
    ),
    Check(
        "foreign-canary",
        Severity.ERROR,
        "The target has a canary that no rollout of ours made.",
        "A canary belongs to whoever made it; two who move one stage undo each other.",
        "promote or remove it first",
        _foreign_canary,
    ),
    Check(
        "candidate-unfit",
        Severity.ERROR,
        "The candidate's deployment or version does not exist, or cannot go live on this target.",
        "The first step would fail.",
        "name one that exists",
        _candidate_unfit,
    ),
    Check(
        "nothing-differs",
        Severity.WARNING,
        "The candidate is live already.",
        "The rollout would end at once as promoted, having changed nothing.",
        "name the new deployment, or the variables that are to change",
        _nothing_differs,
    ),
    Check(
        "override-repeats-base",
        Severity.WARNING,
        "A stage variable is overridden by the value that the base has.",
        "Base and canary then call the same thing by this variable.",
        "give it the candidate's value, or leave it out",
        _override_repeats_base,
    ),
    Check(
        "override-without-effect",
        Severity.ERROR,
        "Only stage variables differ, and nothing in the API uses them.",
        "The base would be compared with itself, and promoted.",
        "use ${{stageVariables.NAME}} in the integration and deploy the API, or name another variable",
        _override_without_effect,
    ),
    Check(
        "override-unused",
        Severity.WARNING,
        "An overridden stage variable is used by nothing in the API as now defined.",
        "The variable is misspelt, or the integration names its function or alias outright.",
        "use ${{stageVariables.NAME}} in the integration, or leave the override out",
        _override_unused,
    ),
    Check(
        "function-missing",
        Severity.ERROR,
        "A function or alias that an overridden variable names does not exist.",
        "Every request to the canary would end as a 500.",
        "publish the version and create the alias of {function}, or correct the variable",
        _function_missing,
    ),
    Check(
        "may-not-invoke",
        Severity.ERROR,
        "API Gateway may not call a function or alias that an overridden variable names, by its resource policy.",
        "Every request to the canary would end as a 500: the most common cause of a canary that fails altogether.",
        "{command}",
        _may_not_invoke,
    ),
    Check(
        "no-recent-data",
        Severity.WARNING,
        "A metric that is judged had no data in the last half hour.",
        "Silence proves nothing: the rollout would extend its step, and then hold for a person.",
        "send traffic; see that the metric's name and the stage's are right, and that what publishes it is there",
        _no_recent_data,
    ),
    Check(
        "access-log-missing",
        Severity.ERROR,
        "The access log is to be measured, and the stage writes none.",
        "Nothing could be measured: the rollout would hold.",
        "add the access log and its metric filters of docs/guide/access-logs.md, or measure by CloudWatch's own series",
        _access_log_missing,
    ),
    Check(
        "access-log-unfit",
        Severity.ERROR,
        "The stage's access log lacks what its metrics are made of.",
        "The metric filters would find nothing, or could not tell the canary from the base.",
        "use the format of docs/guide/access-logs.md",
        _access_log_unfit,
    ),
    Check(
        "canary-unseen",
        Severity.WARNING,
        "Execution logging is off, and there are no metrics of the access log either.",
        "A canary has metrics of its own once execution logging is on; without them the rollout would hold.",
        "set the stage's log level to ERROR, or add the access-log metrics of docs/guide/access-logs.md",
        _canary_may_stay_unseen,
    ),
    Check(
        "too-many-alarms",
        Severity.ERROR,
        "The request and the tagged alarms are more than a rollout can watch.",
        "They are released together with the target, all or nothing.",
        "watch a composite alarm instead",
        _too_many_alarms,
    ),
    Check(
        "alarm-missing",
        Severity.ERROR,
        "An alarm does not exist.",
        "An alarm that is not there stops nothing.",
        "create it, or correct its name",
        _alarms_missing,
    ),
    Check(
        "alarm-firing",
        Severity.ERROR,
        "An alarm fires already.",
        "A rollout on top of an incident makes it worse, and its alarm could not be told from the canary's.",
        "wait until it is over, or set ignoreAlarmsAlreadyFiring to let it count only from the next time it fires",
        _alarms_firing,
    ),
    Check(
        "alarms-without-data",
        Severity.WARNING,
        "No alarm has sufficient data.",
        "Such an alarm may look at a metric that does not exist, and would never fire.",
        "see that their metrics and dimensions are right",
        _alarms_without_data,
    ),
    Check(
        "not-opted-in",
        Severity.WARNING,
        "The target, or a function whose alias is to be moved, does not carry the tag by which they opt in.",
        "A controller that may touch only what opted in would be denied, and fail at its first step.",
        f"tag API, stage and function {'='.join(OPT_IN)}, or deploy the controller for their id and name",
        _not_opted_in,
    ),
    Check(
        "not-looked-at",
        Severity.WARNING,
        "Something could not be looked at: a permission is missing.",
        "What preflight cannot see, it cannot warn of.",
        "allow the call, or check by hand",
        _not_looked_at,
    ),
    Check(
        "weak-step",
        Severity.WARNING,
        "With the present traffic a step can prove or see little.",
        "Such a step takes longer than planned or holds for a person, and a regression may slip through it.",
        "give it a larger weight or a longer bake; see the guide's page on low traffic",
        _weak_step,
    ),
)
"""In the order in which a person should read them."""
