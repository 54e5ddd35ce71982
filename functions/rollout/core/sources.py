"""Which metrics a rollout is judged by: the target's own, or those of an access log.

API Gateway publishes series of a canary's own; which, and when, is documented in part. The access log tells canary
requests by a documented variable, and metric filters make metrics of it: where they are there, they stand in.
"""

from __future__ import annotations

from enum import StrEnum

from rollout.core.base_semantics import BaseSemantics, BaseSetting
from rollout.core.measures import ACCESS_LOG, Series
from rollout.core.target import Target


class SourceSetting(StrEnum):
    """What the request says: one of the two, or whichever has the canary's data."""

    AUTO = "auto"
    CLOUDWATCH = "cloudwatch"
    ACCESS_LOG = "accessLog"


def semantics_of(series: Series, setting: BaseSetting = BaseSetting.AUTO) -> BaseSemantics:
    """What is to be subtracted from the base's series: an access log has each request once."""
    return BaseSemantics(BaseSetting.EXCLUSIVE if series.source == ACCESS_LOG else setting)


def access_log_series(target: Target) -> Series | None:
    """The dimensions of the access log's metrics; None where the target writes no access log.

    A request is a base's unless it says otherwise: without a canary the variable is empty, not "false".
    """
    if "stageName" not in target.ids:
        return None
    where = {"ApiId": target.ids["restApiId"], "Stage": target.ids["stageName"]}
    return Series({**where, "Canary": "false"}, {**where, "Canary": "true"}, source=ACCESS_LOG)
