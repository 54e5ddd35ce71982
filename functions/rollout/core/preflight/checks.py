"""The table of preflight: everything that can speak against a rollout, before anything is touched.

Each check is one row of `CHECKS`; all are made, so that a person is told everything at once. An error refuses the
request; a warning is shown, and kept with the rollout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rollout.core.findings import Finding, Severity
from rollout.core.preflight import alarm_checks, measurement_checks, target_checks
from rollout.core.preflight.match import Match
from rollout.core.preflight.prospect import Prospect


@dataclass(frozen=True, slots=True)
class Check:
    """One row: what to look for (`find` yields what it found), why it matters, and how to fix it."""

    code: str
    severity: Severity
    looks_for: str
    why: str
    fix: str
    find: Callable[[Prospect], Iterable[Match]]

    def findings(self, prospect: Prospect) -> Iterator[Finding]:
        """What this check finds."""
        for match in self.find(prospect):
            fix = self.fix.format_map({"command": match.command, **match.words})
            yield Finding(self.code, self.severity, match.what, self.why, fix, match.command, match.metrics)


def findings(prospect: Prospect) -> tuple[Finding, ...]:
    """What all checks find, errors first."""
    found = [finding for check in CHECKS for finding in check.findings(prospect)]
    return tuple(sorted(found, key=lambda finding: finding.severity is Severity.WARNING))


CHECKS: tuple[Check, ...] = (
    Check(
        "target-missing",
        Severity.ERROR,
        "The stage or alias does not exist.",
        "There is nothing to roll out on.",
        "name an existing one of this account and region: {command}",
        target_checks.target_missing,
    ),
    Check(
        "not-a-rest-api",
        Severity.ERROR,
        "The API is an HTTP or WebSocket API, which has no canaries.",
        "A stage of it has one deployment at a time; the function behind it can be rolled out instead.",
        "{ready}use a lambda-alias target, with this request: {command}",
        target_checks.other_api,
    ),
    Check(
        "foreign-canary",
        Severity.ERROR,
        "The target has a canary, and no rollout of it is running.",
        "A canary belongs to whoever made it; two who move one stage undo each other.",
        "promote or remove it first: {command}",
        target_checks.foreign_canary,
    ),
    Check(
        "namesake",
        Severity.ERROR,
        "Another REST API has the same name, and a stage of the same name.",
        "CloudWatch tells REST APIs apart by name: both are one series, in which neither is measured.",
        "measure by the access log (measurement.source: accessLog), or rename one (CDK: restApiName): {command}",
        target_checks.namesake,
    ),
    Check(
        "candidate-unfit",
        Severity.ERROR,
        "The candidate's deployment or version does not exist, or cannot go live on this target.",
        "The first step would fail.",
        "do what is said there: {command}",
        target_checks.candidate_unfit,
    ),
    Check(
        "stage-in-stack",
        Severity.WARNING,
        "The stage belongs to a CloudFormation stack.",
        "A deployment of the stack that changes the API moves the whole stage at once: during a rollout that stops it, "
        "and afterwards it puts back what the template says.",
        "do not deploy the stack meanwhile; after the promotion give it what is live then: {command}",
        target_checks.stage_in_stack,
    ),
    Check(
        "cache-unused",
        Severity.WARNING,
        "The stage has a cache cluster, and the canary does not use it.",
        "The base answers from its cache and the canary from its functions: it is slower, and rolled back for that.",
        "set `candidate.useStageCache` to true",
        target_checks.cache_unused,
    ),
    Check(
        "nothing-differs",
        Severity.WARNING,
        "The candidate is live already.",
        "The rollout would end at once as promoted, having changed nothing.",
        "name the new deployment, or the variables that are to change",
        target_checks.nothing_differs,
    ),
    Check(
        "override-repeats-base",
        Severity.WARNING,
        "A stage variable is overridden by the value that the base has.",
        "Base and canary then call the same thing by this variable.",
        "give it the candidate's value, or leave it out",
        target_checks.override_repeats_base,
    ),
    Check(
        "override-without-effect",
        Severity.ERROR,
        "Only stage variables differ, and nothing in the API uses them.",
        "The base would be compared with itself, and promoted.",
        "use ${{stageVariables.NAME}} in the integration and deploy the API, or name another variable",
        target_checks.override_without_effect,
    ),
    Check(
        "override-unused",
        Severity.WARNING,
        "An overridden stage variable is used by nothing in the API as now defined.",
        "The variable is misspelt, or the integration names its function or alias outright.",
        "use ${{stageVariables.NAME}} in the integration, set such a variable on the stage, or leave the override out",
        target_checks.override_unused,
    ),
    Check(
        "variable-empty",
        Severity.ERROR,
        "A stage variable in the name of a function that the candidate calls has no value.",
        "There is no function of such a name: every request to it would end as a 500.",
        "give candidate.stageVariables.{name} a value, or set the variable on the stage",
        target_checks.variable_empty,
    ),
    Check(
        "function-missing",
        Severity.ERROR,
        "A function, alias or version that the candidate calls, for a method or as an authorizer, does not exist.",
        "Every such request to the canary would end as a 500.",
        "correct the name, or {remedy}: {command}",
        target_checks.function_missing,
    ),
    Check(
        "may-not-invoke",
        Severity.ERROR,
        "API Gateway may not call a function, alias or version that the candidate calls, by its resource policy.",
        "Every such request would end as a 500: the most common cause of a canary that fails altogether.",
        "{remedy}: {command}",
        target_checks.may_not_invoke,
    ),
    Check(
        "broken-already",
        Severity.WARNING,
        "A function that the candidate calls, and the base for the same, does not exist or may not be called.",
        "Such requests fail before and after the rollout alike; the comparison cannot tell.",
        "{remedy}: {command}",
        target_checks.broken_already,
    ),
    Check(
        "same-version",
        Severity.WARNING,
        "Base and canary call the same version of a function, by two names.",
        "The base's code would be compared with itself, and promoted.",
        "publish the new code and point the alias to it: {command}",
        target_checks.same_version,
    ),
    Check(
        "vpc-link-unfit",
        Severity.ERROR,
        "A VPC link that the candidate uses does not exist, or is not AVAILABLE.",
        "Every request through it would end as a 500.",
        "{remedy}: {command}",
        target_checks.vpc_link_unfit,
    ),
    Check(
        "no-recent-data",
        Severity.WARNING,
        "A metric that is judged had no data in the last half hour.",
        "Silence proves nothing: the rollout would extend its step, and then hold for a person.",
        "send traffic; see that the metric's name and the stage's are right, and that what publishes it is there",
        measurement_checks.no_recent_data,
    ),
    Check(
        "metric-unknown",
        Severity.ERROR,
        "A metric that must be proven safe, or is zero where it is silent, has no series: no point in two weeks.",
        "A name or dimension with a mistake in it looks like a metric that never counts a failure, or holds for ever.",
        "publish a zero once, or say `dryRun: true`, or name one of those that there are: {command}",
        measurement_checks.metric_unknown,
    ),
    Check(
        "lag-too-short",
        Severity.WARNING,
        "The base's newest point is older than the lag that the request allows for.",
        "A minute that is counted before its points are there looks silent: the rollout would extend, and then hold.",
        "set `measurement.lagMinutes` to {lag}, or see whether requests still come",
        measurement_checks.lag_too_short,
    ),
    Check(
        "access-log-missing",
        Severity.ERROR,
        "The access log is to be measured, and the stage writes none.",
        "Nothing could be measured: the rollout would hold.",
        "add the access log and its metric filters of docs/guide/access-logs.md, or measure by CloudWatch's own series",
        measurement_checks.access_log_missing,
    ),
    Check(
        "access-log-elsewhere",
        Severity.ERROR,
        "The access log is to be measured, and goes to a Firehose delivery stream.",
        "Metric filters are made on a log group; of a delivery stream nothing could be measured.",
        "let the stage write to a log group; a second stream can read from that: {command}",
        measurement_checks.access_log_elsewhere,
    ),
    Check(
        "access-log-unfit",
        Severity.ERROR,
        "The stage's access log lacks what its metrics are made of.",
        "The metric filters would find nothing, or could not tell the canary from the base.",
        "use this format; SAM and CloudFormation (AccessLogSetting): {sam}; CDK (deployOptions): {cdk}; "
        "Terraform (access_log_settings): {terraform}; at once: {command}",
        measurement_checks.access_log_unfit,
    ),
    Check(
        "access-log-quoted",
        Severity.ERROR,
        "The numbers in the stage's access log are in quotes, and its metrics never had a point.",
        "To a metric filter, what is in quotes is a text: whether it takes the number in it is documented nowhere.",
        "take the quotes away; SAM and CloudFormation (AccessLogSetting): {sam}; CDK (deployOptions): {cdk}; "
        "Terraform (access_log_settings): {terraform}; at once: {command}",
        measurement_checks.access_log_quoted,
    ),
    Check(
        "metric-filter-unfit",
        Severity.ERROR,
        "The log group of the access log has no metric filter that takes a line as the stage writes it.",
        "Without it there is no metric, and nothing could be measured.",
        "put the metric filters there: {command}",
        measurement_checks.metric_filter_unfit,
    ),
    Check(
        "canary-unseen",
        Severity.WARNING,
        "Execution logging is off, and there are no metrics of the access log either.",
        "A canary has metrics of its own once execution logging is on; without them the rollout would hold.",
        "add the access-log metrics of docs/guide/access-logs.md, or set the stage's log level to ERROR: {command}",
        measurement_checks.canary_may_stay_unseen,
    ),
    Check(
        "canary-without-series",
        Severity.WARNING,
        "By `rollout probe` canaries have no metrics of their own, and there are none of the access log either.",
        "Without metrics of the canary the rollout would hold.",
        "add the access-log metrics of docs/guide/access-logs.md, or name the series in measurement.canarySeries",
        measurement_checks.canary_without_series,
    ),
    Check(
        "too-many-alarms",
        Severity.ERROR,
        "The request and the tagged alarms are more than a rollout can watch.",
        "They are released together with the target, all or nothing.",
        "watch a composite alarm instead",
        alarm_checks.too_many_alarms,
    ),
    Check(
        "alarm-missing",
        Severity.ERROR,
        "An alarm does not exist.",
        "An alarm that is not there stops nothing.",
        "create it, or name one of those that there are: {command}",
        alarm_checks.alarms_missing,
    ),
    Check(
        "alarm-firing",
        Severity.ERROR,
        "An alarm fires already.",
        "A rollout on top of an incident makes it worse, and its alarm could not be told from the canary's.",
        "wait until it is over, or set ignoreAlarmsAlreadyFiring to let it count only when the candidate is worse",
        alarm_checks.alarms_firing,
    ),
    Check(
        "alarm-elsewhere",
        Severity.WARNING,
        "An alarm is of another account or region.",
        "It counts from the first event on that is forwarded to this bus; what it says now cannot be seen from here.",
        "see that its events come here (docs/security.md), and, with access to it, that it is at rest: {command}",
        alarm_checks.alarms_elsewhere,
    ),
    Check(
        "alarms-without-data",
        Severity.WARNING,
        "An alarm has no sufficient data, or its metric had no point in two weeks.",
        "Such an alarm may look at a metric that does not exist, and would never fire.",
        "see that its metric and dimensions are right",
        alarm_checks.alarms_without_data,
    ),
    Check(
        "alarm-of-another",
        Severity.WARNING,
        "An alarm watches the metric of another API, stage or function.",
        "What the canary does would not make it fire.",
        "let it watch the series of {dimensions}",
        alarm_checks.alarms_of_another,
    ),
    Check(
        "not-opted-in",
        Severity.WARNING,
        "A function whose alias is to be moved does not carry the tag by which it opts in to this controller.",
        "A controller that may touch only what opted in would be denied, and fail at its first step.",
        "deploy the controller for its name, or tag it: {command}",
        target_checks.not_opted_in,
    ),
    Check(
        "not-looked-at",
        Severity.WARNING,
        "Something could not be looked at: a permission is missing.",
        "What preflight cannot see, it cannot warn of.",
        "allow the call, or check by hand",
        target_checks.not_looked_at,
    ),
    Check(
        "long-timeout",
        Severity.WARNING,
        "Invocations of the function may take minutes, by its Timeout.",
        "CloudWatch knows an invocation when it has ended: of one that hangs nothing is seen for as long.",
        "nothing needs to be done; a smaller Timeout makes the wait shorter",
        target_checks.long_timeout,
    ),
    Check(
        "weak-step",
        Severity.WARNING,
        "With the present traffic a step can prove or see little.",
        "Such a step takes longer than planned or holds for a person; a regression may slip through it.",
        "give a step a larger weight or bake, the control more `watchMinutes`; see the guide's page on low traffic",
        measurement_checks.weak_step,
    ),
)
"""In the order in which a person should read them."""
