"""The real adapters' surroundings: an empty account in memory, and calls that AWS refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.config import Config

from rollout.errors import RolloutError
from rollout_simulator.template import load_template

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REGION = "eu-central-1"


@cache
def client(service: str) -> Any:
    """One client per service for all tests, for making one costs more than a test; never retries."""
    make: Any = boto3.Session("testing", "testing", region_name=REGION).client
    return make(service, config=Config(retries={"max_attempts": 0}))


@contextmanager
def refusing(service: str, code: str, status: int = 400, *, operation: str = "*") -> Iterator[None]:
    """Let every call of this service's client (or of one operation) fail with this error."""
    error = {"Error": {"Code": code, "Message": "as the test wants"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    events = client(service).meta.events
    event = f"before-call.*.{operation}"

    def answer(**_: Any) -> Any:
        return SimpleNamespace(status_code=status), error

    events.register(event, answer)
    try:
        yield
    finally:
        events.unregister(event, answer)


@contextmanager
def in_trouble(fake: Any, error: type[RolloutError]) -> Iterator[None]:
    """Let every call of this fake raise this error."""
    fake.trouble = error("as the test wants")
    try:
        yield
    finally:
        fake.trouble = None


@contextmanager
def requests_of(service: str) -> Iterator[list[tuple[str, Any]]]:
    """Every request of this service's client meanwhile: the operation and what it is asked."""
    asked: list[tuple[str, Any]] = []
    events, event = client(service).meta.events, "provide-client-params.*"

    def note(params: Any, model: Any, **_: Any) -> None:
        asked.append((model.name, params))

    events.register(event, note)
    try:
        yield asked
    finally:
        events.unregister(event, note)


def create_table(name: str) -> None:
    """The rollouts' table as the template declares it."""
    declared = load_template()["Resources"]["RolloutTable"]["Properties"]
    client("dynamodb").create_table(
        TableName=name,
        BillingMode=declared["BillingMode"],
        AttributeDefinitions=declared["AttributeDefinitions"],
        KeySchema=declared["KeySchema"],
        GlobalSecondaryIndexes=declared["GlobalSecondaryIndexes"],
    )
