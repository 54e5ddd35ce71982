"""The names of the executions that the workflow starts for itself."""

from __future__ import annotations

from hashlib import sha256

LONGEST_EXECUTION_NAME = 80
"""Of an execution (documented)."""
_HASH_LENGTH = 8


def named_after(rollout_id: str, suffix: str) -> str:
    """The rollout's id with this suffix; where that is too long, no two rollouts have the same."""
    if len(rollout_id) + len(suffix) <= LONGEST_EXECUTION_NAME:
        return rollout_id + suffix
    kept = LONGEST_EXECUTION_NAME - len(suffix) - _HASH_LENGTH - 1
    return f"{rollout_id[:kept]}-{_hash(rollout_id)}{suffix}"


def handed_over_name(rollout_id: str, execution: str, number: int) -> str:
    """The name of the rollout's next execution: nobody else has, or could well have, one of that name."""
    return named_after(rollout_id, f"-p{number}-{_hash(f'{execution}/{number}')}")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
