"""Which metrics a rollout is judged by: the target's own, or those of an access log.

API Gateway publishes series of a canary's own; which, and when, is documented in part. The access log tells canary
requests by a documented variable, and metric filters make metrics of it: where they are there, they stand in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from rollout.core.account import AccountFacts
from rollout.core.base_semantics import BaseSemantics, BaseSetting
from rollout.core.custom_metrics import PLACEHOLDER, VARIABLE, CustomMetric, CustomSeries
from rollout.core.measures import ACCESS_LOG, CANDIDATE, Series
from rollout.core.rollout import Candidate
from rollout.core.target import Target, TargetState
from rollout.errors import InvalidRequest


class SourceSetting(StrEnum):
    """What the request says: one of the two, or whichever has the canary's data."""

    AUTO = "auto"
    CLOUDWATCH = "cloudwatch"
    ACCESS_LOG = "accessLog"


def semantics_of(
    series: Series, setting: BaseSetting = BaseSetting.AUTO, account: AccountFacts | None = None
) -> BaseSemantics:
    """What is to be subtracted from the base's series: an access log has each request once."""
    if series.source == ACCESS_LOG:
        return BaseSemantics(BaseSetting.EXCLUSIVE)
    return BaseSemantics(setting).believing(account.inclusive if account else None)


def access_log_series(target: Target) -> Series | None:
    """The dimensions of the access log's metrics; None where the target writes no access log.

    A request is a base's unless it says otherwise: without a canary the variable is empty, not "false".
    """
    if "stageName" not in target.ids:
        return None
    where = {"ApiId": target.ids["restApiId"], "Stage": target.ids["stageName"]}
    return Series({**where, "Canary": "false"}, {**where, "Canary": "true"}, source=ACCESS_LOG)


def custom_series(
    metrics: Sequence[CustomMetric],
    target: Target,
    found: TargetState,
    candidate: Candidate,
    own: Mapping[str, str],
) -> Mapping[str, CustomSeries]:
    """The series of each metric by its name. `own`: the dimensions of the base's own series.

    Raises: InvalidRequest (base and canary would be one series, or a stage variable is not set).
    """
    revision = candidate.revision or CANDIDATE
    words = {**target.ids, "apiName": own.get("ApiName", ""), "stage": target.ids.get("stageName", "")}
    arms = {
        "base": {**words, "track": "base", "deploymentId": found.base, "version": found.base},
        "canary": {**words, "track": "canary", "deploymentId": revision, "version": revision},
    }
    for arm, variables in (("base", found.variables), ("canary", {**found.variables, **candidate.overrides})):
        arms[arm] |= {f"{VARIABLE}{name}": value for name, value in variables.items()}
    made = {}
    for index, metric in enumerate(metrics):
        for dimension, value in metric.dimensions.items():
            if unknown := [name for name in PLACEHOLDER.findall(value) if name not in arms["base"]]:
                raise InvalidRequest(
                    f"metrics[{index}].dimensions.{dimension}: {target.key} has no variable "
                    f"{unknown[0].removeprefix(VARIABLE)}; set it on the stage, or leave the dimension out"
                )
        series = metric.series(arms["base"], arms["canary"])
        if series.base == series.canary:
            raise InvalidRequest(
                f"metrics[{index}].dimensions: base and canary would be the same series; tell them apart by {{track}}, "
                "by {deploymentId} or {version}, or by a stage variable that is overridden"
            )
        made[metric.name] = series
    return made
