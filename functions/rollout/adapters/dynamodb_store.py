"""Rollouts, locks and histories in one DynamoDB table.

| pk                | sk               | what                                                                |
|-------------------|------------------|---------------------------------------------------------------------|
| `ROLLOUT#<id>`    | `RECORD`         | the rollout; `document` is JSON, beside it what conditions look at   |
| `ROLLOUT#<id>`    | `HISTORY#<n>`    | one line per write that has something to tell, JSON, in order        |
| `TARGET#<key>`    | `LOCK`           | who holds the target                                                |
| `TARGET#<key>`    | `LAST`           | which rollout was begun last on the target                           |
| `TARGET#<key>`    | `LEARNED`        | what promoted rollouts taught about clumped errors                    |
| `ALARM#<name>`    | `ROLLOUT#<id>`   | which running rollouts watch the alarm                              |
| `REQUEST#<key>`   | `<request id>`   | which rollout came of a request                                      |
| `ROLLOUT#<id>`    | `UNTOLD`         | the rollout has ended and has not told the world yet                 |
| `EXECUTION#<name>`| `ORDER`          | for what the workflow itself has started an execution                 |
| `ACCOUNT`         | `PROBE`          | what `rollout probe` has found of the account, JSON; no role writes it |

`revision` counts the writes of the rollout itself; signals, which others append, do not touch it. `signalCount` is
what the bake's own write is conditional on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rollout.adapters.dynamodb_items import (
    LOCK_KIND,
    ROLLOUT_KIND,
    UNTOLD_KIND,
    Item,
    key_of,
    last_of,
    lock_of,
    record_of,
    string,
    token_of,
    untold_of,
    watch_of,
)
from rollout.adapters.faults import code_of, translated
from rollout.core.account import AccountFacts
from rollout.core.budget import bounded, room_for, text_of
from rollout.core.decision import Phase
from rollout.core.rollout import Outcome, Rollout
from rollout.core.target import target_named, target_of
from rollout.errors import Busy, RecordChanged, RecordFull, Refused, Repeated, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from rollout.core.learning import Lesson
    from rollout.core.signals import Signal
    from rollout.core.target import Json, Target

RECENT_INDEX = "recent"
"""Index of all rollouts by start time: partition `kind`, sort `startedAt`."""

UNFINISHED_KINDS = (LOCK_KIND, UNTOLD_KIND)

ACCOUNT_KEY = ("ACCOUNT", "PROBE")
"""The one item about the account itself."""

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
        """Record, lock and alarm watches in one transaction. Raises: Busy, Repeated, RecordChanged, Unavailable."""
        key = rollout.settings.target.key
        items: list[TransactWriteItemTypeDef] = [
            self._put(record_of(rollout), "attribute_not_exists(pk)"),
            self._put(lock_of(rollout), "attribute_not_exists(pk)"),
            *self._request(rollout),
            self._put(last_of(rollout)),
            *(self._put(watch_of(name, rollout.rollout_id)) for name in rollout.settings.alarms),
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
        raise Busy(key, holder, datetime.fromisoformat(lock["startedAt"]["S"]))

    def load(self, rollout_id: str) -> Rollout | None:
        """The rollout by a consistent read. Raises: Unavailable."""
        item = self._get(f"ROLLOUT#{rollout_id}", "RECORD")
        if item is None or "signalCount" not in item:
            return None
        signals = [json.loads(signal["S"]) for signal in item["signals"]["L"]]
        return Rollout.from_document(json.loads(item["document"]["S"]), signals, int(item["revision"]["N"]))

    def save(self, rollout: Rollout, *, entry: Json | None = None, unless_signalled: bool = False) -> Rollout:
        """The record over its revision, and its history line, in one write. Raises: RecordChanged, Unavailable."""
        update = self._update(rollout, unless_signalled=unless_signalled)
        if rollout.phase is Phase.ENDED and not rollout.pending_events:
            self._write([{"Update": update}, self._delete(untold_of(rollout))], rollout)
        elif entry is None:
            with translated("save the rollout"):
                try:
                    self._client.update_item(**update)
                except self._client.exceptions.ConditionalCheckFailedException as error:
                    raise RecordChanged(f"rollout {rollout.rollout_id} moved on") from error
        else:
            self._write([{"Update": update}, self._put(self._line(rollout, entry))], rollout)
        return replace(rollout, revision=rollout.revision + 1)

    def close(self, rollout: Rollout, *, entry: Json) -> Rollout:
        """Record, history, lessons, lock and alarm watches in one transaction. Raises: RecordChanged, Unavailable."""
        lock = self._delete(lock_of(rollout))
        lock["Delete"] |= {
            "ConditionExpression": "attribute_not_exists(pk) OR rolloutId = :id",  # somebody may have deleted it
            "ExpressionAttributeValues": {":id": string(rollout.rollout_id)},
        }
        ended: list[TransactWriteItemTypeDef] = [
            {"Update": self._update(rollout, unless_ended=True)},
            self._put(self._line(rollout, entry)),
            lock,
            *([self._put(untold_of(rollout))] if rollout.pending_events else []),
            *(self._delete(watch_of(name, rollout.rollout_id)) for name in rollout.settings.alarms),
        ]
        items = [*ended, *self._lesson(rollout)]
        reasons = self._transact("close the rollout", items)
        if reasons is not None and reasons[0] != _CONDITION_FAILED and reasons[2] == _CONDITION_FAILED:
            # Somebody deleted the lock, and another rollout has taken it since: it stays theirs.
            reasons = self._transact("close the rollout", [item for item in items if item is not lock])
        if reasons is not None:
            raise RecordChanged(f"rollout {rollout.rollout_id} moved on")
        return replace(rollout, revision=rollout.revision + 1)

    def reject(self, rollout_id: str, record: Json) -> Json:
        """A record that is no rollout. Raises: RecordChanged, Unavailable."""
        at = datetime.fromisoformat(record["at"])
        with translated("record the rejection"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": string(f"ROLLOUT#{rollout_id}"),
                        "sk": string("RECORD"),
                        "kind": string(ROLLOUT_KIND),
                        "rolloutId": string(rollout_id),
                        "startedAt": string(record["at"]),
                        "target": string(target_named(record.get("target"))),
                        "state": string(record["state"]),
                        "document": string(text_of(record)),
                        "expiresAt": self._expiry(at),
                    },
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                return self._rejection_of_before(rollout_id, error)
        return record

    def signal(self, rollout_id: str, signal: Signal) -> str | None:
        """Append in one conditional write, which answers with the bake's token.

        Raises: Refused, RecordFull, Unavailable.

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
        text, identity = text_of(bounded(signal).to_document()), _identity(signal)
        size = len(text.encode())
        with translated(f"signal rollout {rollout_id}"):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key={"pk": string(f"ROLLOUT#{rollout_id}"), "sk": string("RECORD")},
                    UpdateExpression=(
                        "SET signals = list_append(signals, :signal), signalCount = signalCount + :one, "
                        "signalBytes = if_not_exists(signalBytes, :zero) + :size ADD signalIds :ids"
                    ),
                    ConditionExpression=(
                        "attribute_exists(signalCount) AND #state <> :ended AND NOT contains(signalIds, :id) "
                        "AND (attribute_not_exists(signalBytes) OR signalBytes <= :room)"
                    ),
                    ExpressionAttributeNames={"#state": "phase"},
                    ExpressionAttributeValues={
                        ":signal": {"L": [string(text)]},
                        ":one": {"N": "1"},
                        ":zero": {"N": "0"},
                        ":size": {"N": str(size)},
                        ":room": {"N": str(room_for(signal.kind) - size)},
                        ":ids": {"SS": [identity]},
                        ":id": string(identity),
                        ":ended": string(Phase.ENDED.value),
                    },
                    ReturnValues="ALL_NEW",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                return self._token_of_repeated(rollout_id, identity, error)
            except ClientError as error:
                if code_of(error) != "ValidationException":  # of an item that would be too large
                    raise
                raise RecordFull(rollout_id) from error
        return token_of(answer["Attributes"])

    def note(self, rollout: Rollout, signal: Signal, *, entry: Json) -> None:
        """One more history line, after that of the record's revision. Raises: Unavailable."""
        line = self._line(rollout, entry)
        key = {"pk": line["pk"], "sk": string(f"HISTORY#{rollout.revision:08d}#{_identity(signal)}")}
        with translated(f"note a signal of rollout {rollout.rollout_id}"):
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET line = :line, expiresAt = :expiry",
                ExpressionAttributeValues={":line": line["line"], ":expiry": line["expiresAt"]},
            )

    def order(self, execution_name: str, order: Json) -> None:
        """An item of its own, which expires. Raises: Unavailable."""
        with translated(f"order execution {execution_name}"):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": string(f"EXECUTION#{execution_name}"), "sk": string("ORDER")},
                UpdateExpression="SET #order = if_not_exists(#order, :order), expiresAt = :expiry",
                ExpressionAttributeNames={"#order": "order"},
                ExpressionAttributeValues={
                    ":order": string(text_of(order)),
                    ":expiry": self._expiry(datetime.now(UTC)),
                },
            )

    def ordered(self, execution_name: str) -> Json | None:
        """The item of this name. Raises: Unavailable."""
        item = self._get(f"EXECUTION#{execution_name}", "ORDER")
        return None if item is None else dict(json.loads(item["order"]["S"]))

    def release(self, rollout_id: str) -> bool:
        """The lock, found by the index. Raises: Unavailable."""
        for item in self._items_of_kind(LOCK_KIND):
            if item["rolloutId"]["S"] != rollout_id:
                continue
            with translated(f"release the lock of {rollout_id}"):
                try:
                    self._client.delete_item(
                        TableName=self._table,
                        Key=key_of(item),
                        ConditionExpression="rolloutId = :id",
                        ExpressionAttributeValues={":id": string(rollout_id)},
                    )
                except self._client.exceptions.ConditionalCheckFailedException:
                    continue
            return True
        return False

    def watchers(self, alarm: str) -> Sequence[str]:
        """The rollouts under the alarm's key. Raises: Unavailable."""
        with translated(f"look up alarm {alarm}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": string(f"ALARM#{alarm}")},
                ConsistentRead=True,
            )
            return [item["sk"]["S"].removeprefix("ROLLOUT#") for page in pages for item in page["Items"]]

    def history(self, rollout_id: str, newest: int | None = None) -> Sequence[Json]:
        """The lines under the rollout's key, from the end if only the newest are asked for. Raises: Unavailable."""
        with translated(f"read the history of {rollout_id}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={":pk": string(f"ROLLOUT#{rollout_id}"), ":prefix": string("HISTORY#")},
                ScanIndexForward=newest is None,
                PaginationConfig={} if newest is None else {"MaxItems": newest},
            )
            lines = [json.loads(item["line"]["S"]) for page in pages for item in page["Items"]]
        return lines if newest is None else lines[::-1]

    def learned(self, target: Target) -> Mapping[str, Lesson]:
        """The target's lessons. Raises: Unavailable."""
        item = self._get(f"TARGET#{target.key}", "LEARNED")
        return dict(json.loads(item["lessons"]["S"])) if item else {}

    def account(self) -> AccountFacts | None:
        """What a probe has found of the account. Raises: NotAllowed, Unavailable."""
        item = self._get(*ACCOUNT_KEY)
        return AccountFacts.from_document(json.loads(item["document"]["S"])) if item else None

    def keep_account(self, document: Json) -> None:
        """Keep what a probe has found, in place of what the one before it has. Raises: NotAllowed, Unavailable."""
        pk, sk = ACCOUNT_KEY
        item = {"pk": string(pk), "sk": string(sk), "document": string(text_of(document))}
        with translated("keep what the probe has found"):
            self._client.put_item(TableName=self._table, Item=item)

    def holder(self, target: Target) -> str | None:
        """The id of the rollout that holds the target, if one does.

        Raises: Unavailable.
        """
        lock = self._get(f"TARGET#{target.key}", "LOCK")
        return str(lock["rolloutId"]["S"]) if lock else None

    def last(self, target: Target) -> str | None:
        """The item that each rollout of the target overwrites. Raises: Unavailable."""
        item = self._get(f"TARGET#{target.key}", "LAST")
        return str(item["rolloutId"]["S"]) if item else None

    def recent(self, limit: int) -> Sequence[Json]:
        """The newest records, by the index. Raises: Unavailable."""
        with translated("list the rollouts"):
            answer = self._client.query(
                TableName=self._table,
                IndexName=RECENT_INDEX,
                KeyConditionExpression="kind = :kind",
                ExpressionAttributeValues={":kind": string(ROLLOUT_KIND)},
                ScanIndexForward=False,
                Limit=limit,
            )
        names = ("rolloutId", "startedAt", "target", "state")
        return [{name: item.get(name, {}).get("S", "") for name in names} for item in answer["Items"]]

    def targets(self) -> Sequence[Target]:
        """Every target of a recorded rollout, running or ended, sorted by key. Raises: NotAllowed, Unavailable."""
        rejected = Outcome.REJECTED.value
        keys = {item["target"]["S"] for item in self._items_of_kind(ROLLOUT_KIND) if item["state"]["S"] != rejected}
        return [target for key in sorted(keys) if (target := target_of(key)) is not None]

    def rejection(self, rollout_id: str) -> Json | None:
        """The record that counts no signals. Raises: Unavailable."""
        item = self._get(f"ROLLOUT#{rollout_id}", "RECORD")
        return None if item is None or "signalCount" in item else dict(json.loads(item["document"]["S"]))

    def unfinished(self) -> Sequence[str]:
        """The rollouts named in locks and debts, by the index. Raises: Unavailable."""
        return [rollout_id for kind in UNFINISHED_KINDS for rollout_id in self._of_kind(kind)]

    def _of_kind(self, kind: str) -> Sequence[str]:
        return [item["rolloutId"]["S"] for item in self._items_of_kind(kind)]

    def _items_of_kind(self, kind: str) -> Sequence[Item]:
        with translated(f"list what is {kind}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=RECENT_INDEX,
                KeyConditionExpression="kind = :kind",
                ExpressionAttributeValues={":kind": string(kind)},
            )
            return [item for page in pages for item in page["Items"]]

    def _lesson(self, rollout: Rollout) -> list[TransactWriteItemTypeDef]:
        if rollout.outcome is not Outcome.PROMOTED or not rollout.learned:
            return []
        item = {
            "pk": string(f"TARGET#{rollout.settings.target.key}"),
            "sk": string("LEARNED"),
            "lessons": string(text_of(dict(rollout.learned))),
        }
        return [self._put(item)]

    def _request(self, rollout: Rollout) -> list[TransactWriteItemTypeDef]:
        if rollout.request_id is None:
            return []
        item = {
            "pk": string(f"REQUEST#{rollout.settings.target.key}"),
            "sk": string(rollout.request_id),
            "rolloutId": string(rollout.rollout_id),
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
        if identity not in item.get("signalIds", {}).get("SS", []):
            raise RecordFull(rollout_id) from error
        return token_of(item)

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        with translated(f"read {pk}"):
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": string(pk), "sk": string(sk)}, ConsistentRead=True
            )
        return answer.get("Item")

    def _put(self, item: dict[str, Any], condition: str | None = None) -> TransactWriteItemTypeDef:
        put: dict[str, Any] = {"TableName": self._table, "Item": item}
        if condition:
            put["ConditionExpression"] = condition
        return {"Put": put}  # type: ignore[typeddict-item]

    def _delete(self, item: Item) -> TransactWriteItemTypeDef:
        return {"Delete": {"TableName": self._table, "Key": key_of(item)}}

    def _update(self, rollout: Rollout, *, unless_signalled: bool = False, unless_ended: bool = False) -> Any:
        condition = "revision = :before"
        values = {
            ":before": {"N": str(rollout.revision)},
            ":after": {"N": str(rollout.revision + 1)},
            ":document": string(text_of(rollout.to_document())),
            ":phase": string(rollout.phase.value),
            ":state": string(rollout.state),
        }
        assignments = ["revision = :after", "document = :document", "phase = :phase", "#state = :state"]
        if rollout.ended_at is not None:
            assignments.append("expiresAt = :expiry")
            values[":expiry"] = self._expiry(rollout.ended_at)
        if unless_signalled:
            condition += " AND signalCount = :seen"
            values[":seen"] = {"N": str(len(rollout.signals))}
        if unless_ended:
            condition += " AND phase <> :ended"
            values[":ended"] = string(Phase.ENDED.value)
        return {
            "TableName": self._table,
            "Key": {"pk": string(f"ROLLOUT#{rollout.rollout_id}"), "sk": string("RECORD")},
            "UpdateExpression": "SET " + ", ".join(assignments),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": values,
        }

    def _line(self, rollout: Rollout, entry: Json) -> dict[str, Any]:
        return {
            "pk": string(f"ROLLOUT#{rollout.rollout_id}"),
            "sk": string(f"HISTORY#{rollout.revision + 1:08d}"),
            "line": string(text_of(entry)),
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


def _identity(signal: Signal) -> str:
    """What tells a signal that is delivered again, in as many bytes whatever it says."""
    return sha256(f"{signal.kind}/{signal.source}/{signal.at}".encode("utf-8", "replace")).hexdigest()[:32]
