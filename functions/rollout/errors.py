"""What can go wrong, as a tree. The class names are the error names that the workflow retries and catches by.

RolloutError
├── InvalidRequest      the request cannot be understood; nothing was touched
├── Refused             the request is understood and cannot be carried out now; nothing was touched
│   ├── Busy            another rollout holds the target
│   ├── Unfit           preflight has found what speaks against it
│   └── RecordFull      the rollout's record takes no more signals of this kind
├── Repeated            the same request has been accepted before
├── TargetMissing       the stage or alias does not exist (any more)
├── ForeignChange       somebody else changed the target; the rollout stops and leaves it alone
│   └── CanaryGone      the answer to our own write shows that somebody had removed the canary before it
├── Unclear             the target shows what we did not leave, or left long ago; a second look tells
├── NotAllowed          AWS denied the call; trying again will not help
├── Unavailable         AWS failed the call; trying again may help
│   ├── Throttled       the account calls too often; trying again will help, after a while
│   └── NotReady        what was asked for is being made; trying again will help, after a while
├── ReadBackDiffers     the target does not yet show what was written; trying again tells
└── RecordChanged       the rollout's record moved on under this task; trying again reads it afresh
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.core.findings import Finding, in_words
from rollout.core.minutes import utc

if TYPE_CHECKING:
    from rollout.core.target import TargetState


class RolloutError(Exception):
    """Any failure this product raises on purpose."""


class InvalidRequest(RolloutError):
    """The request cannot be understood. The message names the field, what was wrong and what is allowed."""


class Refused(RolloutError):
    """The request is understood and cannot be carried out now. The message says why, and what would help."""


class Busy(Refused):
    """Another rollout holds the target, named by its key. `holder` is that rollout's id."""

    def __init__(self, target_key: str, holder: str, since: datetime) -> None:
        super().__init__(
            f"{target_key} is held by rollout {holder} since {utc(since)}; wait for it, abort it, or say "
            'onConflict "supersede"'
        )
        self.holder = holder


class Unfit(Refused):
    """Preflight has found what speaks against the rollout. `findings` are all of them, warnings too."""

    def __init__(self, findings: Sequence[Finding], errors: Sequence[Finding]) -> None:
        super().__init__(in_words(errors))
        self.findings = tuple(findings)


class RecordFull(Refused):
    """The rollout's record takes no more signals of this kind; there is room for an abort."""

    def __init__(self, rollout_id: str) -> None:
        super().__init__(
            f"rollout {rollout_id} has been given so many commands that its record takes no more of them; abort it, or "
            "let it end"
        )


class Repeated(RolloutError):
    """The same request has been accepted before. `rollout_id` is the rollout that came of it."""

    def __init__(self, message: str, rollout_id: str) -> None:
        super().__init__(message)
        self.rollout_id = rollout_id


class TargetMissing(RolloutError):
    """The stage or alias does not exist (any more)."""


class ForeignChange(RolloutError):
    """The target is not what this rollout left. The message says what was expected and what was found."""


class CanaryGone(ForeignChange):
    """The answer to a write of ours shows that the canary was not there any more: no read could be surer."""


class Unclear(RolloutError):
    """The target shows what it should not, and a second look will tell whether that is somebody's doing.

    seen: what it shows. stale: our own hand has left that a short while ago, so this may be the past. Tasks answer it
    with a wait; it never reaches the workflow.
    """

    def __init__(self, message: str, seen: TargetState, *, stale: bool = False) -> None:
        super().__init__(message)
        self.seen = seen
        self.stale = stale


class NotAllowed(RolloutError):
    """AWS denied the call (AccessDenied, Unauthorized): a permission is missing."""


class Unavailable(RolloutError):
    """AWS throttled or failed the call, after the client's own retries."""


class Throttled(Unavailable):
    """The account makes more calls than its rate allows. The call was not carried out; the workflow is patient."""


class NotReady(Unavailable):
    """What was asked for is being made, which may take minutes. The workflow is patient."""


class ReadBackDiffers(RolloutError):
    """A write was accepted, and the read after it shows neither the old nor the new state yet."""


class RecordChanged(RolloutError):
    """A conditional write lost: another writer changed the record since it was read."""
