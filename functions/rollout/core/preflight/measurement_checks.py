"""What speaks against a rollout because of how it would be measured.

The law: a function here looks at what would be rolled out, and calls nobody. What it means is said by the table in
`checks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from shlex import quote

from rollout.core.access_log import DIMENSIONS, NAMESPACE, VALUES, AccessLog
from rollout.core.account import CanaryMetrics
from rollout.core.judge import Count
from rollout.core.minutes import MOST_LAG_MINUTES
from rollout.core.preflight.match import Match
from rollout.core.preflight.prospect import Prospect

LONGEST_ODDS = 1e-3
"""That so many minutes in a row are without a point by chance."""


def no_recent_data(prospect: Prospect) -> Iterator[Match]:
    dry = {metric.name for metric in prospect.settings.judge.metrics if metric.dry_run}
    told = dry | dict(_unknown(prospect)).keys()
    silent = [base for base in prospect.history if not base.samples and base.measure.name not in told]
    if silent:
        names = tuple(base.measure.name for base in silent)
        yield Match(f"no data of {', '.join(names)} in the last {silent[0].minutes} minutes", metrics=names)


def metric_unknown(prospect: Prospect) -> Iterator[Match]:
    for name, why in _unknown(prospect):
        yield Match(f"{name} {why}, and its base never had a point", command=_metrics_command(prospect, name))


def _metrics_command(prospect: Prospect, name: str) -> str:
    """Shows what there is in the metric's namespace."""
    custom = prospect.measured.series.custom if prospect.measured else {}
    where = f" --namespace {quote(custom[name].namespace)}" if name in custom else ""
    return f"aws cloudwatch list-metrics{where} --query 'Metrics[].[MetricName,Dimensions]'"


def _unknown(prospect: Prospect) -> Iterator[tuple[str, str]]:
    """The metrics whose base never had a point and that decide all the same, each with how."""
    metrics = {metric.name: metric for metric in prospect.settings.judge.metrics}
    custom = prospect.measured.series.custom if prospect.measured else {}
    for base in prospect.history:
        name = base.measure.name
        if base.exists or not metrics[name].decides:
            continue
        if name in custom and custom[name].absent_is_zero:
            yield name, "counts as zero where it is silent"
        elif metrics[name].required:
            yield name, "must be proven safe"


def lag_too_short(prospect: Prospect) -> Iterator[Match]:
    """Measured: the age of the newest point, where minutes without one are too rare to come so many in a row."""
    lag = prospect.settings.calendar.lag_minutes
    ages = [late for base in prospect.history if (late := _minutes_late(base.by_minute))]
    if ages and prospect.lag_minutes < (needed := lag + min(ages)) <= MOST_LAG_MINUTES:
        what = f"the newest point of {prospect.target_key} is {needed} minutes old, and lagMinutes is {lag}"
        yield Match(what, {"lag": str(needed)})


def _minutes_late(by_minute: Sequence[Count | None]) -> int:
    """The last minutes without a point, if they are too many to be chance."""
    known = [index for index, count in enumerate(by_minute) if count is not None]
    if not known:
        return 0
    late = len(by_minute) - 1 - known[-1]
    silent = 1 - len(known) / (known[-1] + 1)
    return late if late and silent**late < LONGEST_ODDS else 0


def access_log_missing(prospect: Prospect) -> Iterator[Match]:
    log = prospect.inspection.access_log
    if prospect.reads_access_log and log is not None and log.format == "":
        yield Match(f"measurement.source is accessLog, and {prospect.target_key} writes no access log")


def access_log_elsewhere(prospect: Prospect) -> Iterator[Match]:
    log = prospect.access_log
    if log is None or log.group or not log.destination:
        return
    _, partition, _, region, account, stream = log.destination.split(":", 5)
    group = f"/apigateway/{'/'.join(prospect.settings.target.ids.values())}"
    arn = f"arn:{partition}:logs:{region}:{account}:log-group:{group}"
    command = f"aws logs create-log-group --log-group-name {group} && {_set(prospect, 'destinationArn', arn)}"
    yield Match(f"the stage's access log goes to {stream}, and to no log group", command=command)


def access_log_unfit(prospect: Prospect) -> Iterator[Match]:
    log = prospect.access_log
    if log is None:
        return
    missing = log.lacks(prospect.log_metrics)
    if missing is None:
        yield _rewritten(prospect, log, "the stage's access log is not in JSON")
    elif missing:
        lacks = ", ".join(f"$context.{name}" for name in missing)
        yield _rewritten(prospect, log, f"the stage's access log lacks {lacks}")


def access_log_quoted(prospect: Prospect) -> Iterator[Match]:
    """Whether filters take numbers in quotes is documented nowhere: where points have come, they do."""
    log = prospect.access_log
    if log is None or prospect.has_data or log.lacks(prospect.log_metrics):
        return
    if quoted := log.quoted(prospect.log_metrics):
        yield _rewritten(
            prospect, log, f"the stage's access log has {' and '.join(quoted)} in quotes, and no point came"
        )


def _rewritten(prospect: Prospect, log: AccessLog, what: str) -> Match:
    """With the format as it should be, for each tool that may own the stage."""
    line = log.mended(prospect.log_metrics)
    words = {
        "sam": "Format: '{}'".format(line.replace("'", "''")),
        "cdk": f"accessLogFormat: apigateway.AccessLogFormat.custom({json.dumps(line)})",
        "terraform": f"format = {json.dumps(line)}",
    }
    return Match(what, words, _set(prospect, "format", line))


def _set(prospect: Prospect, setting: str, value: str) -> str:
    """The command that changes a setting of the stage's access log."""
    api, stage = prospect.settings.target.ids.values()
    operations = json.dumps([{"op": "replace", "path": f"/accessLogSettings/{setting}", "value": value}])
    return (
        f"aws apigateway update-stage --rest-api-id {api} --stage-name {stage} --patch-operations {quote(operations)}"
    )


def metric_filter_unfit(prospect: Prospect) -> Iterator[Match]:
    log = prospect.access_log
    if log is None or prospect.measured is None or not log.group or log.lacks(prospect.log_metrics) != []:
        return
    problems = {metric: log.problem(metric, prospect.measured.series.base) for metric in prospect.log_metrics}
    unfit = {metric: problem for metric, problem in problems.items() if problem is not None}
    if unfit:
        what = "; ".join(f"log group {log.group} {problem}" for problem in unfit.values())
        yield Match(what, command=" && ".join(_filter_command(log, metric) for metric in unfit))


def _filter_command(log: AccessLog, metric: str) -> str:
    """Puts the filter in place of one that is there already: two would count each request twice."""
    fields = log.fields or {}
    there = log.filters_of(metric)
    made = {
        "metricName": metric,
        "metricNamespace": NAMESPACE,
        "metricValue": fields[VALUES[metric]].selector,
        "dimensions": {name: fields[variable].selector for name, variable in DIMENSIONS.items()},
    }
    name = there[0].name if there else f"rollout-pilot-{metric.lower()}"
    return (
        f"aws logs put-metric-filter --log-group-name {quote(log.group)} --filter-name {quote(name)} "
        f"--filter-pattern {quote(f'{{ {fields[VALUES[metric]].selector} = * }}')} "
        f"--metric-transformations {quote(json.dumps([made]))}"
    )


def canary_may_stay_unseen(prospect: Prospect) -> Iterator[Match]:
    logging, found = prospect.inspection.execution_logging, prospect.request.canary_metrics_found
    turned_on_it_helps = found is None or found is CanaryMetrics.WITH_LOGGING
    if _by_own_series_alone(prospect) and logging is False and turned_on_it_helps:
        api, stage = prospect.settings.target.ids.values()
        operations = json.dumps([{"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"}])
        where = f"--rest-api-id {api} --stage-name {stage}"
        yield Match(
            f"{prospect.target_key} has execution logging off, and no metrics of its access log",
            command=f"aws apigateway update-stage {where} --patch-operations {quote(operations)}",
        )


def canary_without_series(prospect: Prospect) -> Iterator[Match]:
    if _by_own_series_alone(prospect) and prospect.request.canary_metrics_found is CanaryMetrics.NEVER:
        yield Match(f"{prospect.target_key} has no metrics of its access log, and the account none of canaries")


def _by_own_series_alone(prospect: Prospect) -> bool:
    """Whether the canary would be measured by CloudWatch's own series, with nothing to stand in for them."""
    return prospect.measured is not None and not prospect.reads_access_log and prospect.stand_in is None


def weak_step(prospect: Prospect) -> Iterator[Match]:
    for step in prospect.preview:
        for warning in step.warnings:
            yield Match(f"step {step.step + 1}: {warning}")
