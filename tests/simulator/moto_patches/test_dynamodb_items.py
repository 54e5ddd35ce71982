"""DynamoDB's 400 KB: to the byte, for the whole item after the write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches import dynamodb_items, dynamodb_transactions
from rollout_simulator.moto_patches.dynamodb_items import MOST_BYTES, item_size, number_size
from tests.simulator.moto_patches.conftest import client

TABLE, ALONE = "items", "without-range-key"
PUT = "Item size has exceeded the maximum allowed size"
UPDATE = "Item size to update has exceeded the maximum allowed size"
OPERAND = "An operand in the update expression has an incorrect data type"

Json = dict[str, Any]


@pytest.fixture(params=["items", "items and transactions"])
def dynamodb(aws: time_machine.Traveller, request: pytest.FixtureRequest) -> Iterator[Any]:
    made = client("dynamodb")
    for table, names in ((TABLE, ("pk", "sk")), (ALONE, ("pk",))):
        kinds = dict(zip(names, ("HASH", "RANGE"), strict=False))
        made.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in kinds.items()],
        )
    with ExitStack() as stack:
        stack.enter_context(dynamodb_items.patched())
        if request.param != "items":
            stack.enter_context(dynamodb_transactions.patched())
        yield made


def key(table: str = TABLE, name: str = "ä") -> Json:
    return {"pk": {"S": name}} if table == ALONE else {"pk": {"S": name}, "sk": {"S": "x"}}


def of_size(size: int, table: str = TABLE, **others: Any) -> Json:
    """An item that has just this size, by an attribute `padding`."""
    item = {**key(table), **others, "padding": {"S": ""}}
    item["padding"] = {"S": "x" * (size - item_size(item))}
    assert item_size(item) == size
    return item


def update(size: int, table: str = TABLE, also: str = "") -> Json:
    """An UpdateItem that makes an item of this size of one that has its key at most."""
    padding = of_size(size, table)["padding"]
    return {
        "TableName": table,
        "Key": key(table),
        "UpdateExpression": f"SET padding = :padding{also}",
        "ExpressionAttributeValues": {":padding": padding},
    }


def stored(dynamodb: Any, table: str = TABLE) -> Json | None:
    item: Json | None = dynamodb.get_item(TableName=table, Key=key(table)).get("Item")
    return item


def refusal(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "ä€😀"}, 2 + 3 + 4),
        ({"B": "AAEC"}, 3),
        ({"B": "AAE="}, 2),
        ({"B": b"123"}, 3),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "123"]}, 2 + 3),
        ({"L": []}, 3),
        ({"M": {}}, 3),
        ({"L": [{"S": "ab"}, {"BOOL": True}]}, 3 + (1 + 2) + (1 + 1)),
        ({"M": {"ä": {"S": "b"}}}, 3 + (1 + 2 + 1)),
        ({"M": {"a": {"L": [{"M": {}}]}}}, 3 + (1 + 1 + 3 + (1 + 3))),
    ],
)
def test_a_value_has_its_documented_size_beside_its_name(value: Json, size: int) -> None:
    assert item_size({"naïf": value}) == 5 + size


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("0", 1),
        ("-0", 1),
        ("1", 2),
        ("12", 2),
        ("123", 3),
        ("12345678901234567890123456789012345678", 20),
        ("0042", 2),
        ("100", 2),
        ("1010", 3),
        ("0.0000001", 2),
        ("1E125", 2),
        ("1E-100", 2),
        ("1.5", 3),
        ("1.200", 3),
        ("3.14159", 5),
        ("123456", 4),
        ("100.5", 4),
        ("0.15", 2),
        ("-42", 3),
    ],
)
def test_a_number_has_its_recorded_size(written: str, size: int) -> None:
    assert number_size(written) == size


@pytest.mark.parametrize("table", [TABLE, ALONE])
def test_a_put_may_fill_the_limit_and_not_a_byte_more(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item=of_size(MOST_BYTES, table))
    assert refusal(dynamodb.put_item, TableName=table, Item=of_size(MOST_BYTES + 1, table)) == (
        "ValidationException",
        PUT,
    )
    assert stored(dynamodb, table) == of_size(MOST_BYTES, table)


def test_so_may_a_batch(dynamodb: Any) -> None:
    def write(size: int) -> Json:
        return {"RequestItems": {TABLE: [{"PutRequest": {"Item": of_size(size)}}]}}

    dynamodb.batch_write_item(**write(MOST_BYTES))
    assert refusal(dynamodb.batch_write_item, **write(MOST_BYTES + 1)) == ("ValidationException", PUT)


@pytest.mark.parametrize("table", [TABLE, ALONE])
@pytest.mark.parametrize("before", [None, 1_000, MOST_BYTES])
def test_an_update_may_fill_the_limit_whatever_was_there_before(dynamodb: Any, table: str, before: int | None) -> None:
    if before is not None:
        dynamodb.put_item(TableName=table, Item=of_size(before, table))
    dynamodb.update_item(**update(MOST_BYTES, table))
    assert stored(dynamodb, table) == of_size(MOST_BYTES, table)


@pytest.mark.parametrize("table", [TABLE, ALONE])
@pytest.mark.parametrize("before", [None, 1_000, MOST_BYTES])
def test_an_update_beyond_it_changes_nothing(dynamodb: Any, table: str, before: int | None) -> None:
    if before is not None:
        dynamodb.put_item(TableName=table, Item=of_size(before, table))
    assert refusal(dynamodb.update_item, **update(MOST_BYTES + 1, table)) == ("ValidationException", UPDATE)
    assert stored(dynamodb, table) == (None if before is None else of_size(before, table))


def test_attributes_that_an_update_leaves_alone_count(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item={**key(), "numbers": {"L": [{"N": "1"}] * 10}})
    room = MOST_BYTES - item_size({"numbers": {"L": [{"N": "1"}] * 10}})
    assert refusal(dynamodb.update_item, **update(room + 1)) == ("ValidationException", UPDATE)
    dynamodb.update_item(**update(room))


def test_what_an_update_removes_does_not_count(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item=of_size(MOST_BYTES, old={"S": "y" * 10_000}))
    dynamodb.update_item(**update(MOST_BYTES, also=" REMOVE #old"), ExpressionAttributeNames={"#old": "old"})


def test_a_list_that_grows_element_by_element_ends_at_the_limit(dynamodb: Any) -> None:
    element = {"M": {"reason": {"S": "€" * 3_000}}}
    step = 1 + 3 + 1 + 6 + 9_000
    grow = {
        "TableName": TABLE,
        "Key": key(),
        "UpdateExpression": "SET signals = list_append(if_not_exists(signals, :none), :one)",
        "ExpressionAttributeValues": {":none": {"L": []}, ":one": {"L": [element]}},
    }
    fits = (MOST_BYTES - item_size({**key(), "signals": {"L": []}})) // step
    for _ in range(fits):
        dynamodb.update_item(**grow)
    assert refusal(dynamodb.update_item, **grow) == ("ValidationException", UPDATE)
    item = stored(dynamodb)
    assert item is not None
    assert len(item["signals"]["L"]) == fits == 45


def test_a_put_in_a_transaction_that_is_too_large_is_refused_before_any_condition(dynamodb: Any) -> None:
    never = {"TableName": TABLE, "Key": key(name="b"), "ConditionExpression": "attribute_exists(pk)"}

    def write(size: int) -> Json:
        return {"TransactItems": [{"ConditionCheck": never}, {"Put": {"TableName": TABLE, "Item": of_size(size)}}]}

    assert refusal(dynamodb.transact_write_items, **write(MOST_BYTES + 1)) == ("ValidationException", PUT)
    assert refusal(dynamodb.transact_write_items, **write(MOST_BYTES))[0] == "TransactionCanceledException"


@pytest.mark.parametrize("before", [None, 1_000, MOST_BYTES])
def test_an_update_that_is_too_large_cancels_its_transaction(dynamodb: Any, before: int | None) -> None:
    if before is not None:
        dynamodb.put_item(TableName=TABLE, Item=of_size(before))
    other = {"Put": {"TableName": TABLE, "Item": key(name="b")}}
    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(TransactItems=[other, {"Update": update(MOST_BYTES + 1)}])
    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert caught.value.response["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ValidationError", "Message": UPDATE},
    ]
    assert dynamodb.scan(TableName=TABLE)["Items"] == ([] if before is None else [of_size(before)])
    dynamodb.transact_write_items(TransactItems=[other, {"Update": update(MOST_BYTES)}])
    assert stored(dynamodb) == of_size(MOST_BYTES)


def test_a_refusal_for_another_reason_changes_nothing_either(dynamodb: Any) -> None:
    wrong = {
        "TableName": TABLE,
        "Key": key(),
        "UpdateExpression": "SET extra = :one ADD padding :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    dynamodb.put_item(TableName=TABLE, Item={**key(), "padding": {"S": "x"}})
    assert refusal(dynamodb.update_item, **wrong) == ("ValidationException", OPERAND)
    assert stored(dynamodb) == {**key(), "padding": {"S": "x"}}
