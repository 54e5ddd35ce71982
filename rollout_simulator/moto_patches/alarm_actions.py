"""What an alarm does when it goes into ALARM: it notifies the topics among its actions.

moto keeps the actions and carries none out. The message is the JSON that CloudWatch sends to SNS, with the fields that
people read (from the documentation's examples; the region's long name in the subject is left out). Actions of other
kinds are ignored, and those of the other two states, which no template here has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.sns.models import sns_backends

from rollout_simulator.moto_patches.alarm_evaluation import ALARM, event_time

LONGEST_SUBJECT = 100
"""Of an SNS subject (documented)."""


def act(alarm: Any, previous: Mapping[str, str], now: datetime) -> None:
    """Notify the alarm's topics of its transition from the state `previous`."""
    if alarm.state_value != ALARM or str(alarm.actions_enabled).lower() == "false":
        return
    _, _, _, region, account, *_ = alarm.alarm_arn.split(":")
    message = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": event_time(now),
        "Region": region,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": previous["value"],
    }
    for arn in alarm.alarm_actions or ():
        if arn.split(":")[2] != "sns":
            continue
        _, _, _, region, account, *_ = arn.split(":")
        if arn in sns_backends[account][region].topics:
            subject = f'ALARM: "{alarm.name}" in {region}'[:LONGEST_SUBJECT]
            sns_backends[account][region].publish(json.dumps(message), arn=arn, subject=subject)
