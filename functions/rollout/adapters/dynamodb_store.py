"""Rollouts, locks and histories in one DynamoDB table.

| pk                | sk               | what                                                                |
|-------------------|------------------|---------------------------------------------------------------------|
| `ROLLOUT#<id>`    | `RECORD`         | the rollout; `document` is JSON, beside it what conditions look at   |
| `ROLLOUT#<id>`    | `HISTORY#<n>`    | one line per write that has something to tell, JSON, in order        |
| `TARGET#<key>`    | `LOCK`           | who holds the target                                                |
| `TARGET#<key>`    | `LEARNED`        | what promoted rollouts taught about clumped errors                    |
| `ALARM#<name>`    | `ROLLOUT#<id>`   | which running rollouts watch the alarm                              |
| `REQUEST#<key>`   | `<request id>`   | which rollout came of a request                                      |

`revision` counts the writes of the rollout itself; signals, which others append, do not touch it. `signalCount` is
what the bake's own write is conditional on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rollout.adapters.faults import code_of, translated
from rollout.core.decision import Phase
from rollout.core.learning import Lesson
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import Signal
from rollout.core.target import Json, Target
from rollout.errors import Busy, RecordChanged, Refused, Repeated, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

RECENT_INDEX = "recent"
"""Index of all rollouts by start time: partition `kind`, sort `startedAt`."""

LOCK_KIND = "lock"
ROLLOUT_KIND = "rollout"

SIGNAL_PAUSES = (0.02, 0.05, 0.1, 0.2)
"""Seconds between the tries to record a signal."""

_CONDITION_FAILED = "ConditionalCheckFailed"


class DynamoDbStore:
    """Implements `RolloutStore`."""

    def __init__(self, client: DynamoDBClient, table: str, history_days: int) -> None:
        self._client = client
        self._table = table
        self._kept_for = timedelta(days=history_days)

    def open(self, rollout: Rollout) -> None:
        """Record, lock and alarm watches in one transaction. Raises as the port says."""
        key = rollout.settings.target.key
        items: list[TransactWriteItemTypeDef] = [
            self._put(_record(rollout), "attribute_not_exists(pk)"),
            self._put(
                {
                    "pk": _s(f"TARGET#{key}"),
                    "sk": _s("LOCK"),
                    "kind": _s(LOCK_KIND),
                    "rolloutId": _s(rollout.rollout_id),
                    "startedAt": _s(rollout.started_at.isoformat()),
                },
                "attribute_not_exists(pk)",
            ),
            *self._request(rollout),
            *(self._put(_watch(name, rollout.rollout_id)) for name in rollout.settings.alarms),
        ]
        reasons = self._transact("open the rollout", items)
        if reasons is None:
            return
        if reasons[0] == _CONDITION_FAILED:
            raise RecordChanged(f"rollout {rollout.rollout_id} is stored already")
        if rollout.request_id and reasons[2] == _CONDITION_FAILED:
            request = self._get(f"REQUEST#{key}", rollout.request_id)
            if request is not None:
                first = str(request["rolloutId"]["S"])
                raise Repeated(f"request {rollout.request_id} is rollout {first}", first)
        lock = self._get(f"TARGET#{key}", "LOCK")
        if lock is None:
            raise Unavailable(f"the lock of {key} was released just now")
        holder = str(lock["rolloutId"]["S"])
        raise Busy(
            f"{key} is held by rollout {holder} since {lock['startedAt']['S']}; wait for it, abort it, or say "
            'onConflict "supersede"',
            holder,
        )

    def load(self, rollout_id: str) -> Rollout | None:
        """The rollout by a consistent read. Raises as the port says."""
        item = self._get(f"ROLLOUT#{rollout_id}", "RECORD")
        if item is None or "signalCount" not in item:
            return None
        signals = [json.loads(signal["S"]) for signal in item["signals"]["L"]]
        return Rollout.from_document(json.loads(item["document"]["S"]), signals, int(item["revision"]["N"]))

    def save(self, rollout: Rollout, *, entry: Json | None = None, unless_signalled: bool = False) -> Rollout:
        """The record over its revision, and its history line, in one write. Raises as the port says."""
        update = self._update(rollout, unless_signalled=unless_signalled)
        if entry is None:
            with translated("save the rollout"):
                try:
                    self._client.update_item(**update)
                except self._client.exceptions.ConditionalCheckFailedException as error:
                    raise RecordChanged(f"rollout {rollout.rollout_id} moved on") from error
        else:
            self._write([{"Update": update}, self._put(self._line(rollout, entry))], rollout)
        return replace(rollout, revision=rollout.revision + 1)

    def close(self, rollout: Rollout, *, entry: Json) -> Rollout:
        """Record, history, lessons, lock and alarm watches in one transaction. Raises as the port says."""
        key = rollout.settings.target.key
        lock: TransactWriteItemTypeDef = {
            "Delete": {
                "TableName": self._table,
                "Key": {"pk": _s(f"TARGET#{key}"), "sk": _s("LOCK")},
                "ConditionExpression": "rolloutId = :id",
                "ExpressionAttributeValues": {":id": _s(rollout.rollout_id)},
            }
        }
        watches: list[TransactWriteItemTypeDef] = [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": {"pk": _s(f"ALARM#{name}"), "sk": _s(f"ROLLOUT#{rollout.rollout_id}")},
                }
            }
            for name in rollout.settings.alarms
        ]
        ended: list[TransactWriteItemTypeDef] = [
            {"Update": self._update(rollout)},
            self._put(self._line(rollout, entry)),
            lock,
        ]
        self._write([*ended, *watches, *self._lesson(rollout)], rollout)
        return replace(rollout, revision=rollout.revision + 1)

    def reject(self, rollout_id: str, record: Json) -> Json:
        """A record that is no rollout. Raises as the port says."""
        at = datetime.fromisoformat(record["at"])
        with translated("record the rejection"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": _s(f"ROLLOUT#{rollout_id}"),
                        "sk": _s("RECORD"),
                        "kind": _s(ROLLOUT_KIND),
                        "rolloutId": _s(rollout_id),
                        "startedAt": _s(record["at"]),
                        "state": _s(record["state"]),
                        "document": _s(json.dumps(record)),
                        "expiresAt": self._expiry(at),
                    },
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                return self._rejection_of_before(rollout_id, error)
        return record

    def signal(self, rollout_id: str, signal: Signal) -> str | None:
        """Append in one conditional write, which answers with the bake's token. Raises as the port says.

        DynamoDB refuses a write that meets a transaction on the same item; that is over in milliseconds, and a stop
        signal must not wait for its event to be delivered again.
        """
        for pause in SIGNAL_PAUSES:
            try:
                return self._signal(rollout_id, signal)
            except Unavailable:
                time.sleep(pause)
        return self._signal(rollout_id, signal)

    def _signal(self, rollout_id: str, signal: Signal) -> str | None:
        identity = f"{signal.kind}/{signal.source}/{signal.at}"
        with translated(f"signal rollout {rollout_id}"):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key={"pk": _s(f"ROLLOUT#{rollout_id}"), "sk": _s("RECORD")},
                    UpdateExpression=(
                        "SET signals = list_append(signals, :signal), signalCount = signalCount + :one "
                        "ADD signalIds :ids"
                    ),
                    ConditionExpression=(
                        "attribute_exists(signalCount) AND #state <> :ended AND NOT contains(signalIds, :id)"
                    ),
                    ExpressionAttributeNames={"#state": "phase"},
                    ExpressionAttributeValues={
                        ":signal": {"L": [_s(json.dumps(signal.to_document()))]},
                        ":one": {"N": "1"},
                        ":ids": {"SS": [identity]},
                        ":id": _s(identity),
                        ":ended": _s(Phase.ENDED.value),
                    },
                    ReturnValues="ALL_NEW",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                return self._token_of_repeated(rollout_id, identity, error)
        return _token(answer["Attributes"])

    def watchers(self, alarm: str) -> Sequence[str]:
        """The rollouts under the alarm's key. Raises as the port says."""
        with translated(f"look up alarm {alarm}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": _s(f"ALARM#{alarm}")},
                ConsistentRead=True,
            )
            return [item["sk"]["S"].removeprefix("ROLLOUT#") for page in pages for item in page["Items"]]

    def history(self, rollout_id: str) -> Sequence[Json]:
        """The rollout's history lines, oldest first.

        Raises: Unavailable.
        """
        with translated(f"read the history of {rollout_id}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={":pk": _s(f"ROLLOUT#{rollout_id}"), ":prefix": _s("HISTORY#")},
            )
            return [json.loads(item["line"]["S"]) for page in pages for item in page["Items"]]

    def learned(self, target: Target) -> Mapping[str, Lesson]:
        """The target's lessons. Raises as the port says."""
        item = self._get(f"TARGET#{target.key}", "LEARNED")
        return dict(json.loads(item["lessons"]["S"])) if item else {}

    def holder(self, target: Target) -> str | None:
        """The id of the rollout that holds the target, if one does.

        Raises: Unavailable.
        """
        lock = self._get(f"TARGET#{target.key}", "LOCK")
        return str(lock["rolloutId"]["S"]) if lock else None

    def recent(self, limit: int) -> Sequence[Json]:
        """The newest rollouts, rejected ones included: `rolloutId`, `startedAt`, `target`, `state`.

        Raises: Unavailable.
        """
        with translated("list the rollouts"):
            answer = self._client.query(
                TableName=self._table,
                IndexName=RECENT_INDEX,
                KeyConditionExpression="kind = :kind",
                ExpressionAttributeValues={":kind": _s(ROLLOUT_KIND)},
                ScanIndexForward=False,
                Limit=limit,
            )
        names = ("rolloutId", "startedAt", "target", "state")
        return [{name: item.get(name, {}).get("S", "") for name in names} for item in answer["Items"]]

    def rejection(self, rollout_id: str) -> Json | None:
        """The record of a request that was refused; None when there is none of this id.

        Raises: Unavailable.
        """
        item = self._get(f"ROLLOUT#{rollout_id}", "RECORD")
        return None if item is None or "signalCount" in item else dict(json.loads(item["document"]["S"]))

    def held(self) -> Sequence[str]:
        """The rollouts named in the locks, by the index. Raises as the port says."""
        with translated("list the locks"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=RECENT_INDEX,
                KeyConditionExpression="kind = :kind",
                ExpressionAttributeValues={":kind": _s(LOCK_KIND)},
            )
            return [item["rolloutId"]["S"] for page in pages for item in page["Items"]]

    def _lesson(self, rollout: Rollout) -> list[TransactWriteItemTypeDef]:
        if rollout.outcome is not Outcome.PROMOTED or not rollout.learned:
            return []
        item = {
            "pk": _s(f"TARGET#{rollout.settings.target.key}"),
            "sk": _s("LEARNED"),
            "lessons": _s(json.dumps(dict(rollout.learned))),
        }
        return [self._put(item)]

    def _request(self, rollout: Rollout) -> list[TransactWriteItemTypeDef]:
        if rollout.request_id is None:
            return []
        item = {
            "pk": _s(f"REQUEST#{rollout.settings.target.key}"),
            "sk": _s(rollout.request_id),
            "rolloutId": _s(rollout.rollout_id),
            "expiresAt": self._expiry(rollout.started_at),
        }
        return [self._put(item, "attribute_not_exists(pk)")]

    def _rejection_of_before(self, rollout_id: str, error: Exception) -> Json:
        item = self._get(f"ROLLOUT#{rollout_id}", "RECORD")
        if item is None or "signalCount" in item:
            raise RecordChanged(f"rollout {rollout_id} is stored already") from error
        record: Json = json.loads(item["document"]["S"])
        return record

    def _token_of_repeated(self, rollout_id: str, identity: str, error: Exception) -> str | None:
        """A signal that is recorded already is woken for again: its first waking may have been lost."""
        item = self._get(f"ROLLOUT#{rollout_id}", "RECORD")
        if item is None or "signalCount" not in item:
            raise Refused(f"there is no rollout {rollout_id}") from error
        if item["phase"]["S"] == Phase.ENDED:
            raise Refused(f"rollout {rollout_id} has ended") from error
        return _token(item) if identity in item.get("signalIds", {}).get("SS", []) else None

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        with translated(f"read {pk}"):
            answer = self._client.get_item(TableName=self._table, Key={"pk": _s(pk), "sk": _s(sk)}, ConsistentRead=True)
        return answer.get("Item")

    def _put(self, item: dict[str, Any], condition: str | None = None) -> TransactWriteItemTypeDef:
        put: dict[str, Any] = {"TableName": self._table, "Item": item}
        if condition:
            put["ConditionExpression"] = condition
        return {"Put": put}  # type: ignore[typeddict-item]

    def _update(self, rollout: Rollout, *, unless_signalled: bool = False) -> Any:
        condition = "revision = :before"
        values = {
            ":before": {"N": str(rollout.revision)},
            ":after": {"N": str(rollout.revision + 1)},
            ":document": _s(json.dumps(rollout.to_document())),
            ":phase": _s(rollout.phase.value),
            ":state": _s(rollout.state),
        }
        assignments = ["revision = :after", "document = :document", "phase = :phase", "#state = :state"]
        if rollout.ended_at is not None:
            assignments.append("expiresAt = :expiry")
            values[":expiry"] = self._expiry(rollout.ended_at)
        if unless_signalled:
            condition += " AND signalCount = :seen"
            values[":seen"] = {"N": str(len(rollout.signals))}
        return {
            "TableName": self._table,
            "Key": {"pk": _s(f"ROLLOUT#{rollout.rollout_id}"), "sk": _s("RECORD")},
            "UpdateExpression": "SET " + ", ".join(assignments),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": values,
        }

    def _line(self, rollout: Rollout, entry: Json) -> dict[str, Any]:
        return {
            "pk": _s(f"ROLLOUT#{rollout.rollout_id}"),
            "sk": _s(f"HISTORY#{rollout.revision + 1:08d}"),
            "line": _s(json.dumps(entry)),
            "expiresAt": self._expiry(datetime.fromisoformat(entry["at"])),
        }

    def _expiry(self, moment: datetime) -> Any:
        return {"N": str(int((moment + self._kept_for).timestamp()))}

    def _write(self, items: list[TransactWriteItemTypeDef], rollout: Rollout) -> None:
        if self._transact("save the rollout", items) is not None:
            raise RecordChanged(f"rollout {rollout.rollout_id} moved on")

    def _transact(self, what: str, items: list[TransactWriteItemTypeDef]) -> list[str] | None:
        """Write all items or none: None when written, else the reason per item; only conditions count as such.

        Raises: NotAllowed, Unavailable.
        """
        with translated(what):
            try:
                self._client.transact_write_items(TransactItems=items)
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                reasons = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
                if _CONDITION_FAILED not in reasons:
                    raise Unavailable(f"{what}: transaction cancelled: {', '.join(reasons)}") from error
                return reasons
        return None


def _s(text: str) -> Any:
    return {"S": text}


def _token(item: dict[str, Any]) -> str | None:
    token = item.get("taskToken", {}).get("S")
    return str(token) if token else None


def _watch(alarm: str, rollout_id: str) -> dict[str, Any]:
    return {"pk": _s(f"ALARM#{alarm}"), "sk": _s(f"ROLLOUT#{rollout_id}")}


def _record(rollout: Rollout) -> dict[str, Any]:
    return {
        "pk": _s(f"ROLLOUT#{rollout.rollout_id}"),
        "sk": _s("RECORD"),
        "kind": _s(ROLLOUT_KIND),
        "rolloutId": _s(rollout.rollout_id),
        "startedAt": _s(rollout.started_at.isoformat()),
        "target": _s(rollout.settings.target.key),
        "revision": {"N": str(rollout.revision)},
        "document": _s(json.dumps(rollout.to_document())),
        "phase": _s(rollout.phase.value),
        "state": _s(rollout.state),
        "signals": {"L": []},
        "signalCount": {"N": "0"},
    }
