"""An empty account at noon, for the adapters that need one; and the embedded AWS, in-process and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
import time_machine
from botocore.config import Config
from moto import mock_aws

from rollout_simulator.embedded_aws import EmbeddedAws
from tests.cli.command import started
from tests.contract.aws import NOW

Clients = Callable[[str], Any]
"""Makes a boto3 client by the name of its service."""


@pytest.fixture
def aws() -> Iterator[None]:
    """moto, with a clock that stands still."""
    with time_machine.travel(NOW, tick=False), mock_aws():
        yield


@pytest.fixture(scope="session")
def local_endpoint() -> Iterator[str]:
    """The URL of a `rollout local` that is started once."""
    with started("local", "--port", "0") as process:
        assert process.stdout
        introduction = iter(process.stdout)
        endpoint = next(line.split()[1] for line in introduction if line.startswith("  endpoint"))
        next(line for line in introduction if line.startswith("Ctrl-C"))
        yield endpoint
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module", params=["in-process", "rollout local"])
def embedded(request: pytest.FixtureRequest) -> Iterator[Clients]:
    """The embedded AWS as its own process uses it, and as others do who point boto3 at `rollout local`."""
    if request.param == "in-process":
        with EmbeddedAws(template_file=None) as opened:
            yield opened.client
        return
    endpoint = request.getfixturevalue("local_endpoint")
    make: Any = boto3.Session("any", "any", region_name="us-east-1").client
    once = Config(retries={"total_max_attempts": 1})
    yield cache(lambda service: make(service, endpoint_url=endpoint, config=once))
