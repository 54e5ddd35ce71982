"""What speaks against a rollout because of how it would be measured.

The law: a function here looks at what would be rolled out, and calls nobody. What it means is said by the table in
`checks`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout.core.preflight.match import Match
from rollout.core.preflight.prospect import Prospect, missing_from


def no_recent_data(prospect: Prospect) -> Iterator[Match]:
    dry = {metric.name for metric in prospect.settings.judge.metrics if metric.dry_run}
    silent = [base for base in prospect.history if not base.samples and base.measure.name not in dry]
    if silent:
        names = ", ".join(base.measure.name for base in silent)
        yield Match(f"no data of {names} in the last {silent[0].minutes} minutes")


def metric_unknown(prospect: Prospect) -> Iterator[Match]:
    decide = {metric.name for metric in prospect.settings.judge.metrics if metric.decides}
    for base in prospect.history:
        if not base.exists and base.measure.name in decide:
            yield Match(f"{base.measure.name} counts as zero where it is silent, and its base never had a point")


def access_log_missing(prospect: Prospect) -> Iterator[Match]:
    if prospect.reads_access_log and prospect.inspection.access_log_format == "":
        yield Match(f"measurement.source is accessLog, and {prospect.target_key} writes no access log")


def access_log_unfit(prospect: Prospect) -> Iterator[Match]:
    if not (prospect.reads_access_log and prospect.log_format):
        return
    missing = missing_from(prospect.log_format, prospect.settings.judge)
    if missing is None:
        yield Match("the stage's access log is not in JSON")
    elif missing:
        yield Match(f"the stage's access log lacks {', '.join(f'$context.{name}' for name in missing)}")


def canary_may_stay_unseen(prospect: Prospect) -> Iterator[Match]:
    own = prospect.measured is not None and not prospect.reads_access_log
    if own and prospect.stand_in is None and prospect.inspection.execution_logging is False:
        yield Match(f"{prospect.target_key} has execution logging off, and no metrics of its access log")


def weak_step(prospect: Prospect) -> Iterator[Match]:
    for step in prospect.preview:
        for warning in step.warnings:
            yield Match(f"step {step.step + 1}: {warning}")
