"""The items of the table, in DynamoDB's own JSON. Which there are, see `dynamodb_store`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.core.budget import text_of

if TYPE_CHECKING:
    from rollout.core.rollout import Rollout

LOCK_KIND = "lock"
ROLLOUT_KIND = "rollout"
UNTOLD_KIND = "untold"
"""The `kind` of an item is its partition in the index `recent`."""

Item = dict[str, Any]


def string(value: str) -> Item:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Item:
    """A number attribute."""
    return {"N": str(value)}


def lock_of(rollout: Rollout) -> Item:
    """That this rollout holds its target."""
    return {
        "pk": string(f"TARGET#{rollout.settings.target.key}"),
        "sk": string("LOCK"),
        "kind": string(LOCK_KIND),
        "rolloutId": string(rollout.rollout_id),
        "startedAt": string(rollout.started_at.isoformat()),
    }


def last_of(rollout: Rollout) -> Item:
    """That this rollout was begun last on its target."""
    return {
        "pk": string(f"TARGET#{rollout.settings.target.key}"),
        "sk": string("LAST"),
        "rolloutId": string(rollout.rollout_id),
    }


def watch_of(alarm: str, rollout_id: str) -> Item:
    """That this rollout watches the alarm."""
    return {"pk": string(f"ALARM#{alarm}"), "sk": string(f"ROLLOUT#{rollout_id}")}


def untold_of(rollout: Rollout) -> Item:
    """That this rollout has ended and has not told the world yet."""
    return {
        "pk": string(f"ROLLOUT#{rollout.rollout_id}"),
        "sk": string("UNTOLD"),
        "kind": string(UNTOLD_KIND),
        "rolloutId": string(rollout.rollout_id),
        "startedAt": string(rollout.started_at.isoformat()),
    }


def record_of(rollout: Rollout) -> Item:
    """A new rollout's record."""
    return {
        "pk": string(f"ROLLOUT#{rollout.rollout_id}"),
        "sk": string("RECORD"),
        "kind": string(ROLLOUT_KIND),
        "rolloutId": string(rollout.rollout_id),
        "startedAt": string(rollout.started_at.isoformat()),
        "target": string(rollout.settings.target.key),
        "revision": number(rollout.revision),
        "document": string(text_of(rollout.to_document())),
        "phase": string(rollout.phase.value),
        "state": string(rollout.state),
        "signals": {"L": []},
        "signalCount": number(0),
        "signalBytes": number(0),
    }


def key_of(item: Item) -> Item:
    """The key of an item."""
    return {"pk": item["pk"], "sk": item["sk"]}


def token_of(item: Item) -> str | None:
    """The token of the bake in a record, if it waits in one."""
    token = item.get("taskToken", {}).get("S")
    return str(token) if token else None
