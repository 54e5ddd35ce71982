"""DynamoDB queries answer as they do without the patch, at the cost of what they find."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from moto import mock_aws
from moto.dynamodb.models.dynamo_type import DynamoType

from rollout_simulator.clients import client
from rollout_simulator.moto_patches import dynamodb_queries
from rollout_simulator.moto_patches.patching import replaced

TABLE = "items"
BY_KEY = {
    "KeyConditionExpression": "pk = :pk AND begins_with(sk, :begin)",
    "ExpressionAttributeValues": {":pk": {"S": "p1"}, ":begin": {"S": "s"}},
}
BY_INDEX = {
    "IndexName": "recent",
    "KeyConditionExpression": "kind = :kind",
    "ExpressionAttributeValues": {":kind": {"S": "even"}},
    "ScanIndexForward": False,
}
NOTHING = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "none"}}}


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    names = ("pk", "sk", "kind", "startedAt")
    index = [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "startedAt", "KeyType": "RANGE"}]
    with mock_aws():
        made = client("dynamodb", "eu-central-1")
        made.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {"IndexName": "recent", "KeySchema": index, "Projection": {"ProjectionType": "ALL"}}
            ],
        )
        numbers = list(range(30))
        random.Random(1).shuffle(numbers)
        for number in numbers:
            item = {"pk": f"p{number % 3}", "sk": f"s{number:02}", "startedAt": f"{number * 7 % 30:02}"}
            if number % 2 == 0:
                item["kind"] = "even"
            made.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})
        yield made


def pages(dynamodb: Any, query: dict[str, Any]) -> list[list[str]]:
    found = dynamodb.get_paginator("query").paginate(TableName=TABLE, **query, PaginationConfig={"PageSize": 4})
    return [[item["sk"]["S"] for item in page["Items"]] for page in found]


@pytest.mark.parametrize(("query", "items"), [(BY_KEY, 10), (BY_INDEX, 15), (NOTHING, 0)])
def test_it_finds_the_same_in_the_same_order_and_pages(dynamodb: Any, query: dict[str, Any], items: int) -> None:
    answers = []
    for patch in (nullcontext(), dynamodb_queries.patched()):
        with patch:
            answers.append(pages(dynamodb, query))
    assert answers[0] == answers[1]
    assert items == sum(map(len, answers[1]))


@pytest.mark.parametrize("query", [BY_KEY, BY_INDEX])
def test_what_the_key_does_not_name_is_not_compared(dynamodb: Any, query: dict[str, Any]) -> None:
    compared = 0
    equals = DynamoType.__eq__

    def counting(one: DynamoType, other: DynamoType) -> bool:
        nonlocal compared
        compared += 1
        return equals(one, other)

    counts = []
    for patch in (nullcontext(), dynamodb_queries.patched()):
        with patch, replaced(DynamoType, "__eq__", counting):
            compared = 0
            pages(dynamodb, query)
            counts.append(compared)
    assert counts[1] < counts[0]
