"""The patch of moto's API Gateway; what AWS itself does is in tests/contract/test_stage_control_plane.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError
from moto.apigateway.models import apigateway_backends

from rollout_simulator.moto_patches import apigateway_canary, apigateway_integrations
from rollout_simulator.moto_patches.stage_control_plane import StageChange, StageControlPlane
from rollout_simulator.moto_patches.stage_operations import StageRules
from tests.contract.gateway import Gateway, refused
from tests.simulator.moto_patches.conftest import NOW, REGION, client
from tests.simulator.moto_patches.world import ACCOUNT


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


class TestUnknownsUnderACanary:
    def test_copies_alone_can_be_played_as_refused_and_the_documented_sequence_still_promotes(
        self, gateway: Gateway, plane: StageControlPlane
    ) -> None:
        plane.rules = StageRules(copies_alone="refused")
        gateway.patch(("replace", "/canarySettings/deploymentId", gateway.next))
        copy = {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"}
        where = {"restApiId": gateway.api_id, "stageName": gateway.stage()["stageName"]}

        with pytest.raises(ClientError, match="Promotion not available"):
            gateway.client.update_stage(**where, patchOperations=[copy])
        weight = {"op": "replace", "path": "/canarySettings/percentTraffic", "value": "0.0"}
        gateway.client.update_stage(**where, patchOperations=[weight, copy])

        assert gateway.next == gateway.stage()["deploymentId"]

    def test_a_change_of_the_base_can_be_played_as_refused(self, gateway: Gateway, plane: StageControlPlane) -> None:
        plane.rules = StageRules(base_under_canary="refused")
        gateway.patch(("replace", "/canarySettings/deploymentId", gateway.next))

        with pytest.raises(ClientError, match="BadRequestException"):
            gateway.patch(("replace", "/deploymentId", gateway.next))

    def test_execution_logging_can_be_refused_as_in_an_account_without_a_role_for_it(
        self, gateway: Gateway, plane: StageControlPlane
    ) -> None:
        plane.rules = StageRules(execution_logging="refused")
        gateway.patch(("replace", "/*/*/logging/loglevel", "OFF"))

        with pytest.raises(ClientError, match="CloudWatch Logs role ARN must be set"):
            gateway.patch(("replace", "/*/*/logging/loglevel", "ERROR"))


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


class TestUnsupportedOperations:
    @pytest.mark.parametrize(
        ("kind", "path"),
        [
            ("replace", "/foo"),
            ("replace", "/stageName"),
            ("replace", "/*/*/nonsense"),
            ("remove", "/description"),
            ("add", "/description"),
            ("move", "/description"),
            ("test", "/description"),
            ("replace", "/accessLogSettings/level"),
        ],
    )
    def test_what_a_stage_does_not_support_is_refused_and_changes_nothing(
        self, gateway: Gateway, kind: str, path: str
    ) -> None:
        before = gateway.stage()
        text = f"Invalid {kind} operation with path: {path}"
        refused(
            "BadRequestException",
            400,
            text,
            lambda: gateway.patch(("replace", "/variables/table", "other"), (kind, path, "1")),
        )
        assert gateway.stage() == before

    @pytest.mark.parametrize(
        "path", ["/description", "/tracingEnabled", "/*/*/logging/loglevel", "/~1a/GET/caching/enabled"]
    )
    def test_what_it_supports_beside_canaries_is_applied(self, gateway: Gateway, path: str) -> None:
        before = gateway.stage()
        gateway.patch(("replace", path, "true"))
        assert gateway.stage() != before


class TestUnknowns:
    def test_a_bad_operation_can_be_played_to_keep_the_earlier_ones(
        self, gateway: Gateway, plane: StageControlPlane
    ) -> None:
        told: list[StageChange] = []
        plane.rules = StageRules(bad_request="keeps earlier operations")
        plane.listeners.append(told.append)
        with pytest.raises(ClientError, match="BadRequestException"):
            gateway.patch(("replace", "/variables/table", "other"), ("replace", "/foo", "1"))
        assert gateway.stage()["variables"]["table"] == "other"
        assert [change.after["variables"]["table"] for change in told if change.after] == ["other"]

    @pytest.mark.parametrize(("rule", "percent"), [("kept", 33.3333), ("rounded", 33.33), ("refused", None)])
    def test_a_third_decimal_can_be_kept_rounded_or_refused(
        self, gateway: Gateway, plane: StageControlPlane, rule: str, percent: float | None
    ) -> None:
        plane.rules = StageRules(third_decimal=rule)
        if percent is None:
            with pytest.raises(ClientError, match="BadRequestException"):
                gateway.patch(("replace", "/canarySettings/percentTraffic", "33.3333"))
            return
        gateway.patch(("replace", "/canarySettings/percentTraffic", "33.3333"))
        assert gateway.stage()["canarySettings"]["percentTraffic"] == percent
        gateway.deploy(stageName="prod", canarySettings={"percentTraffic": 33.3333})
        assert gateway.stage()["canarySettings"]["percentTraffic"] == percent

    def test_concurrent_writers_can_be_refused_with_a_conflict(
        self, gateway: Gateway, plane: StageControlPlane, aws: time_machine.Traveller
    ) -> None:
        plane.rules = StageRules(exclusive_seconds=2.0)
        aws.shift(timedelta(seconds=10))
        gateway.patch(("replace", "/variables/table", "mine"))
        refused(
            "ConflictException",
            409,
            "Unable to complete operation due to concurrent modification. Please try again later.",
            lambda: gateway.patch(("replace", "/variables/table", "yours")),
        )
        aws.shift(timedelta(seconds=2))
        gateway.patch(("replace", "/variables/table", "yours"))
        assert gateway.stage()["variables"]["table"] == "yours"

    def test_a_misspelt_rule_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="bad_request: sometimes"):
            StageRules(bad_request="sometimes")
        with pytest.raises(ValueError, match="third_decimal: sometimes"):
            StageRules(third_decimal="sometimes")


class TestSnapshots:
    def test_a_deployment_keeps_the_methods_integrations_and_authorizers_of_its_moment(self, gateway: Gateway) -> None:
        def deployed() -> Any:
            made = gateway.deploy()
            return apigateway_backends[ACCOUNT][REGION].get_rest_api(gateway.api_id).deployments[made]

        authorizer = gateway.client.create_authorizer(
            restApiId=gateway.api_id,
            name="a",
            type="REQUEST",
            authorizerUri="old",
            identitySource="method.request.header.x",
        )["id"]
        uri = {"op": "replace", "path": "/uri", "value": "new"}
        kept = deployed()
        gateway.client.update_authorizer(
            restApiId=gateway.api_id,
            authorizerId=authorizer,
            patchOperations=[{"op": "replace", "path": "/authorizerUri", "value": "new"}],
        )
        third = deployed()
        with apigateway_integrations.patched():
            gateway.client.update_integration(
                restApiId=gateway.api_id, resourceId=gateway.root_id, httpMethod="GET", patchOperations=[uri]
            )
        last = deployed()
        seen = [
            (
                each.definition["authorizers"][authorizer]["authorizerUri"],
                each.definition["resources"]["/"]["GET"]["methodIntegration"]["uri"],
            )
            for each in (kept, third, last)
        ]
        assert seen == [("old", None), ("new", None), ("new", "new")]
        assert len({kept.api_digest, third.api_digest, last.api_digest}) == 3
