"""Questions about a stage, asked by changing the probe's own and reading it back."""

from __future__ import annotations

from botocore.exceptions import ClientError

from rollout_cli.account_probe.access import code_of, words_of
from rollout_cli.account_probe.answer import Answer
from rollout_cli.account_probe.subject import CANARY, LATEST_READ_SECONDS, Subject

READS_AFTER_WRITES = 10
_PAUSE = 0.5


def promotion_by_copies(subject: Subject) -> Answer:
    """Copy the canary's overrides and its deployment to the stage, as the product promotes: without the weight."""
    subject.begin_canary("10.0")
    try:
        subject.patch(
            ("copy", "/variables", "/canarySettings/stageVariableOverrides"),
            ("copy", "/deploymentId", "/canarySettings/deploymentId"),
        )
    except ClientError as error:
        return _refused(error)
    promoted = subject.access.until(lambda: _is_promoted(subject), seconds=LATEST_READ_SECONDS)
    return Answer("promotes" if promoted else "changes nothing")


def _is_promoted(subject: Subject) -> bool:
    stage = subject.stage()
    return bool(stage["deploymentId"] == subject.deployments[1] and stage["variables"]["arm"] == CANARY)


def base_under_canary(subject: Subject) -> Answer:
    """Point the base to another deployment while a canary is there."""
    subject.begin_canary("10.0")
    other = subject.deployments[2]
    try:
        subject.patch(("replace", "/deploymentId", other))
    except ClientError as error:
        return _refused(error)
    changed = subject.access.until(lambda: subject.stage()["deploymentId"] == other, seconds=LATEST_READ_SECONDS)
    if not changed:
        return Answer("changes nothing")
    canary = subject.stage().get("canarySettings")
    if canary is None or canary.get("deploymentId") != subject.deployments[1]:
        return Answer("changes the canary", f"the canary is then {canary}")
    return Answer("allowed")


def removing_twice(subject: Subject) -> Answer:
    """`remove /canarySettings` where there is none."""
    subject.settle()
    try:
        subject.patch(("remove", "/canarySettings"))
    except ClientError as error:
        return _refused(error)
    return Answer("ignored")


def read_after_write(subject: Subject) -> Answer:
    """GetStage right after UpdateStage, several times: whether it shows what was written, or for how long it does not.

    The value is in seconds, rounded up.
    """
    subject.begin_canary("1.0")
    longest = 0.0
    stale = 0
    for number in range(2, 2 + READS_AFTER_WRITES):
        subject.patch(("replace", "/canarySettings/percentTraffic", f"{number}.0"))
        began = subject.access.now()

        def shown(number: int = number) -> bool:
            return bool(float(subject.stage().get("canarySettings", {}).get("percentTraffic", -1.0)) == number)

        if not shown():
            stale += 1
            subject.access.until(shown, seconds=LATEST_READ_SECONDS, pause=_PAUSE)
            longest = max(longest, (subject.access.now() - began).total_seconds())
    seen = f"{stale} of {READS_AFTER_WRITES} reads showed the stage as before"
    return Answer(-int(-longest // 1), seen)


def stage_weight_precision(subject: Subject) -> Answer:
    """A canary's percentage with three decimals."""
    try:
        subject.begin_canary("33.333")
    except ClientError as error:
        return _refused(error)
    shown = subject.stage()["canarySettings"]["percentTraffic"]
    return Answer("kept") if float(shown) == 33.333 else Answer("rounded", f"33.333 became {shown}")


def _refused(error: ClientError) -> Answer:
    """That AWS says no to this on a stage. A missing permission is no answer.

    Raises: ClientError.
    """
    if code_of(error) != "BadRequestException":
        raise error
    return Answer("refused", words_of(error))


def turn_on_logging(subject: Subject) -> str:
    """Let the stage log its executions; "" when it does, else what AWS said."""
    try:
        subject.patch(("replace", "/*/*/logging/loglevel", "ERROR"))
    except ClientError as error:
        return str(_refused(error).detail)
    return ""
