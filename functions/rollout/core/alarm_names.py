"""How an alarm is named: by its name, where it is in the controller's own account and region, or by its ARN.

Names are not unique beyond an account and region: an event that was forwarded from elsewhere is heard only by who has
named that very ARN.
"""

from __future__ import annotations


def is_arn(alarm: str) -> bool:
    """Whether this names the alarm of an account and region."""
    return alarm.startswith("arn:")


def names_of(arn: str, home: str) -> tuple[str, ...]:
    """As what a rollout may watch the alarm of this ARN. `home`: any ARN of the controller's account and region."""
    parts, here = arn.split(":", 6), home.split(":", 5)
    if len(parts) < 7 or parts[5] != "alarm":
        return ()
    same = parts[1] == here[1] and parts[3:5] == here[3:5]
    return (parts[6], arn) if same else (arn,)
