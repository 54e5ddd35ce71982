"""The patch of moto's API Gateway; what AWS itself does is in tests/contract/test_stage_control_plane.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches import apigateway_canary
from rollout_simulator.moto_patches.stage_control_plane import StageChange, StageControlPlane
from rollout_simulator.moto_patches.stage_operations import StageRules
from tests.contract.gateway import Gateway
from tests.simulator.moto_patches.conftest import NOW, client


@pytest.fixture
def plane(aws: time_machine.Traveller) -> Iterator[StageControlPlane]:
    with apigateway_canary.patched() as opened:
        yield opened


@pytest.fixture
def gateway(plane: StageControlPlane) -> Gateway:
    return Gateway(client("apigateway"))


class TestRemoving:
    def test_removing_no_canary_can_be_played_as_a_success(self, gateway: Gateway, plane: StageControlPlane) -> None:
        plane.rules = StageRules(removing_no_canary="ignored")

        gateway.patch(("remove", "/canarySettings"))

        assert "canarySettings" not in gateway.stage()

    def test_a_misspelt_rule_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="removing_no_canary: maybe"):
            StageRules(removing_no_canary="maybe")


class TestCreateDeployment:
    def test_more_deployments_than_an_api_holds_are_refused(self, gateway: Gateway, plane: StageControlPlane) -> None:
        plane.deployments_per_api = 2

        with pytest.raises(ClientError, match="LimitExceededException"):
            gateway.deploy()


class TestDeployments:
    def test_one_shows_its_description_its_date_and_on_request_what_it_holds(self, gateway: Gateway) -> None:
        shown = gateway.client.get_deployment(restApiId=gateway.api_id, deploymentId=gateway.next)
        embedded = gateway.client.get_deployment(
            restApiId=gateway.api_id, deploymentId=gateway.next, embed=["apisummary"]
        )

        assert (shown["description"], shown["createdDate"]) == ("next", NOW)
        assert "apiSummary" not in shown
        assert embedded["apiSummary"] == {"/": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}}


class TestCreateStage:
    def test_its_dates_come_from_the_clock(self, gateway: Gateway, aws: time_machine.Traveller) -> None:
        aws.shift(timedelta(minutes=7))
        gateway.start_canary()

        stage = gateway.stage()
        assert (stage["createdDate"], stage["lastUpdatedDate"]) == (NOW, NOW + timedelta(minutes=7))


class TestHistory:
    def test_every_write_is_told_with_what_was_and_what_is(
        self, gateway: Gateway, plane: StageControlPlane, aws: time_machine.Traveller
    ) -> None:
        told: list[StageChange] = []
        plane.listeners.append(told.append)
        aws.shift(timedelta(minutes=1))

        gateway.start_canary()
        gateway.patch(("remove", "/canarySettings"))
        gateway.deploy(stageName="prod")
        gateway.client.delete_stage(restApiId=gateway.api_id, stageName="prod")

        assert [each[:3] for each in told] == [(NOW + timedelta(minutes=1), gateway.api_id, "prod")] * 4
        befores = [each.before for each in told]
        afters = [each.after for each in told]
        assert befores[1:] == afters[:-1]
        assert afters[-1] is None
        assert afters[0] is not None
        assert (
            afters[0]["canarySettings"]["deploymentId"],
            afters[0]["canarySettings"]["percentTraffic"],
        ) == (gateway.next, 5.0)

    def test_a_new_stage_was_nothing_before(self, gateway: Gateway, plane: StageControlPlane) -> None:
        told: list[StageChange] = []
        plane.listeners.append(told.append)

        gateway.deploy(stageName="beta")

        assert [(each.stage_name, each.before) for each in told] == [("beta", None)]

    def test_deleting_the_api_deletes_its_stages(self, gateway: Gateway, plane: StageControlPlane) -> None:
        told: list[StageChange] = []
        plane.listeners.append(told.append)

        gateway.client.delete_rest_api(restApiId=gateway.api_id)

        assert [(each.stage_name, each.after) for each in told] == [("prod", None)]

    def test_a_refused_write_is_not_told(self, gateway: Gateway, plane: StageControlPlane) -> None:
        told: list[StageChange] = []
        plane.listeners.append(told.append)

        with pytest.raises(ClientError):
            gateway.patch(("replace", "/canarySettings/deploymentId", "nowhere"))

        assert told == []
