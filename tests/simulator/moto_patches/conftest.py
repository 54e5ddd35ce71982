"""moto with a clock that stands still: each test opens the patch it is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
import time_machine
from botocore.config import Config
from moto import mock_aws

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REGION = "eu-central-1"


@cache
def client(service: str) -> Any:
    """One client per service for all tests, for making one costs more than a test; never retries."""
    make: Any = boto3.Session("testing", "testing", region_name=REGION).client
    return make(service, config=Config(retries={"max_attempts": 0}))


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that only moves when told to."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def aws(clock: time_machine.Traveller) -> Iterator[time_machine.Traveller]:
    """An empty account at noon; yields its clock."""
    with mock_aws():
        yield clock
