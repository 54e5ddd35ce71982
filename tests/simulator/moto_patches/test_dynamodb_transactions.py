"""DynamoDB transactions: all or nothing, at the cost of what they write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from rollout_simulator.clients import client
from rollout_simulator.moto_patches import dynamodb_transactions
from rollout_simulator.template import ACCOUNT

REGION = "eu-central-1"
TABLE = "items"
NEVER = "attribute_exists(nothing)"


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        made = client("dynamodb", REGION)
        made.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        for name in ("a", "b", "c"):
            made.put_item(TableName=TABLE, Item=item(name))
        yield made


def item(name: str, value: str = "1") -> Any:
    return {"pk": {"S": name}, "sk": {"S": "x"}, "value": {"S": value}}


def put(name: str, condition: str | None = None) -> Any:
    request = {"TableName": TABLE, "Item": item(name, "2")}
    return {"Put": request | ({"ConditionExpression": condition} if condition else {})}


def update(name: str) -> Any:
    return {
        "Update": {
            "TableName": TABLE,
            "Key": {"pk": {"S": name}, "sk": {"S": "x"}},
            "UpdateExpression": "SET #value = :value",
            "ExpressionAttributeNames": {"#value": "value"},
            "ExpressionAttributeValues": {":value": {"S": "2"}},
        }
    }


def delete(name: str) -> Any:
    return {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": name}, "sk": {"S": "x"}}}}


def values(dynamodb: Any) -> dict[str, str]:
    return {each["pk"]["S"]: each["value"]["S"] for each in dynamodb.scan(TableName=TABLE)["Items"]}


def stored(name: str) -> Any:
    return dynamodb_backends[ACCOUNT][REGION].get_item(TABLE, {"pk": {"S": name}, "sk": {"S": "x"}})


def test_a_transaction_writes_all_its_items(dynamodb: Any) -> None:
    with dynamodb_transactions.patched():
        dynamodb.transact_write_items(TransactItems=[put("new"), update("a"), delete("b")])
    assert {"a": "2", "c": "1", "new": "2"} == values(dynamodb)


def test_one_that_is_cancelled_writes_nothing(dynamodb: Any) -> None:
    with dynamodb_transactions.patched(), pytest.raises(ClientError, match="TransactionCanceledException") as refused:
        dynamodb.transact_write_items(TransactItems=[put("new"), update("a"), delete("b"), put("c", NEVER)])
    reasons = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert ["None", "None", "None", "ConditionalCheckFailed"] == reasons
    assert {"a": "1", "b": "1", "c": "1"} == values(dynamodb)


def test_one_that_names_an_item_twice_writes_nothing(dynamodb: Any) -> None:
    with dynamodb_transactions.patched(), pytest.raises(ClientError):
        dynamodb.transact_write_items(TransactItems=[update("a"), delete("a")])
    assert {"a": "1", "b": "1", "c": "1"} == values(dynamodb)


def test_items_that_it_does_not_name_are_not_copied(dynamodb: Any) -> None:
    untouched = stored("c")
    with dynamodb_transactions.patched(), pytest.raises(ClientError):
        dynamodb.transact_write_items(TransactItems=[update("a"), put("b", NEVER)])
    assert stored("c") is untouched
