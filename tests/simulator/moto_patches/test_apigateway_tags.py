"""Tags of REST APIs and stages."""

from __future__ import annotations

import pytest
import time_machine
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches import apigateway_tags
from tests.contract.gateway import Gateway
from tests.simulator.moto_patches.conftest import REGION, client


@pytest.mark.parametrize("path", ["", "/stages/prod"])
def test_tags_are_added_changed_and_removed(aws: time_machine.Traveller, path: str) -> None:
    gateway = Gateway(client("apigateway"))
    arn = f"arn:aws:apigateway:{REGION}::/restapis/{gateway.api_id}{path}"

    def tags() -> object:
        api = gateway.client.get_rest_api(restApiId=gateway.api_id).get("tags")
        shown = gateway.stage().get("tags") if path else api
        assert gateway.client.get_tags(resourceArn=arn)["tags"] == shown
        return shown

    with apigateway_tags.patched():
        gateway.client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "1"})
        gateway.client.tag_resource(resourceArn=arn, tags={"b": "2", "c/d": "ä"})
        assert tags() == {"a": "1", "b": "2", "c/d": "ä"}
        gateway.client.untag_resource(resourceArn=arn, tagKeys=["a", "c/d", "none"])
        assert tags() == {"b": "2"}


@pytest.mark.parametrize("path", ["none", "none/stages/prod"])
def test_what_is_not_there_cannot_be_tagged(aws: time_machine.Traveller, path: str) -> None:
    arn = f"arn:aws:apigateway:{REGION}::/restapis/{path}"
    with apigateway_tags.patched(), pytest.raises(ClientError, match="NotFoundException"):
        client("apigateway").tag_resource(resourceArn=arn, tags={"a": "1"})
