"""What can go wrong, as a tree. The class names are the error names that the workflow retries and catches by.

RolloutError
├── InvalidRequest      the request cannot be understood; nothing was touched
├── Refused             the request is understood and cannot be carried out now; nothing was touched
│   ├── Busy            another rollout holds the target
│   ├── NotOurs         the target is another controller's, or has opted in to none
│   └── RecordFull      the rollout's record takes no more signals of this kind
├── Repeated            the same request has been accepted before
├── TargetMissing       the stage or alias does not exist (any more)
├── ForeignChange       somebody else changed the target; the rollout stops and leaves it alone
│   └── CanaryGone      the answer to our own write shows that somebody had removed the canary before it
├── NotAllowed          AWS denied the call; trying again will not help
├── Unavailable         AWS failed the call; trying again may help
│   ├── Throttled       the account calls too often; trying again will help, after a while
│   └── NotReady        what was asked for is being made; trying again will help, after a while
├── ReadBackDiffers     the target does not yet show what was written; trying again tells
└── RecordChanged       the rollout's record moved on under this task; trying again reads it afresh

This module imports nothing of the product: every layer may raise and catch these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document.

    path: the field, such as `plan.steps[0].weightPercent`. problem: what is wrong there, and what is allowed, in words.
    allowed: the names or values that are allowed, or one text that describes them. near: the one of them that is
    probably meant.
    """

    path: str
    problem: str
    allowed: tuple[str, ...] = ()
    near: str | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem

    def below(self, part: str) -> Problem:
        """The same, where its path begins below this part of the document."""
        separator = "." if part and self.path and not self.path.startswith("[") else ""
        return replace(self, path=f"{part}{separator}{self.path}")


class RolloutError(Exception):
    """Any failure this product raises on purpose."""


class InvalidRequest(RolloutError):
    """The request cannot be understood. The message names the field, what was wrong and what is allowed.

    problems: all mistakes, where the request is a document; the message may name only the first few.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class Refused(RolloutError):
    """The request is understood and cannot be carried out now. The message says why, and what would help.

    command: what a person can paste into a shell to that end, "" for nothing.
    """

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class Busy(Refused):
    """Another rollout holds the target, named by its key. `holder` is that rollout's id."""

    def __init__(self, target_key: str, holder: str, since: datetime) -> None:
        super().__init__(
            f"{target_key} is held by rollout {holder} since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC; wait for it, "
            'abort it, or say onConflict "supersede"'
        )
        self.holder = holder


class NotOurs(Refused):
    """The target is another controller's, or has opted in to none. `by_another`: another one will answer."""

    def __init__(self, message: str, *, by_another: bool) -> None:
        super().__init__(message)
        self.by_another = by_another


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
    """The stage or alias does not exist (any more). command: as that of `Refused`."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class ForeignChange(RolloutError):
    """The target is not what this rollout left. The message says what was expected and what was found."""


class CanaryGone(ForeignChange):
    """The answer to a write of ours shows that the canary was not there any more: no read could be surer."""


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
