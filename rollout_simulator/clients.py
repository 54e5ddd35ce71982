"""Clients of the embedded AWS, made once per process: making one takes longer than most simulations' calls."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config


@cache
def client(service: str, region: str, *, validated: bool = True) -> Any:
    """A client that does not retry; `validated` says whether it checks parameters before it sends them."""
    make: Any = session().client
    config = Config(parameter_validation=validated, retries={"total_max_attempts": 1})
    return make(service, region_name=region, config=config)


@cache
def session() -> boto3.Session:
    """One for all clients: it keeps the service descriptions that it has read."""
    return boto3.Session("testing", "testing")
