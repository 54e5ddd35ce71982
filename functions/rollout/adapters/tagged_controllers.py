"""The controllers that hear a bus, by the tags that the template gives their state machines.

| tag of the state machine    | what                                                                             |
|-----------------------------|----------------------------------------------------------------------------------|
| `rollout-pilot:controller`  | the stack's name                                                                 |
| `rollout-pilot:bus`         | the event bus that it hears                                                      |
| `rollout-pilot:rest-api`    | its `RestApiId`, with `+` for `*`, which no tag's value may contain               |
| `rollout-pilot:functions`   | its `FunctionName`, likewise                                                     |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollout.adapters.faults import translated
from rollout.core.controllers import EVERYTHING, Controller

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

NAME, BUS, REST_API, FUNCTIONS = (f"rollout-pilot:{each}" for each in ("controller", "bus", "rest-api", "functions"))


class TaggedControllers:
    """Implements `Controllers`. `own` is as the template configured this one: it needs no call."""

    def __init__(self, client: ResourceGroupsTaggingAPIClient, own: Controller, bus: str) -> None:
        self.own = own
        self._client = client
        self._bus = bus

    def others(self) -> Sequence[Controller]:
        """Those of this account and region, by name. Raises: NotAllowed, Unavailable."""
        with translated("GetResources"):
            pages = self._client.get_paginator("get_resources").paginate(
                TagFilters=[{"Key": NAME}, {"Key": BUS, "Values": [self._bus]}],
                ResourceTypeFilters=["states:stateMachine"],
            )
            found = [
                {tag["Key"]: tag["Value"] for tag in mapping["Tags"]}
                for page in pages
                for mapping in page["ResourceTagMappingList"]
            ]
        controllers = [Controller(tags[NAME], _scope(tags, REST_API), _scope(tags, FUNCTIONS)) for tags in found]
        return sorted((each for each in controllers if each.name != self.own.name), key=lambda each: each.name)


def _scope(tags: dict[str, str], key: str) -> str:
    return tags.get(key, "").replace("+", "*") or EVERYTHING
