"""The canary's control plane, case by case, as it is recorded from AWS, read in its models or documented.

The embedded AWS passes it twice: in-process, and over HTTP as `rollout local` serves it. Nothing here is ours but the
endpoint: a plain stage made from scratch by boto3.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import Clients
from tests.contract.gateway import Gateway, refused

TO_VARIABLES = ("copy", "/canarySettings/stageVariableOverrides", "/variables")
TO_DEPLOYMENT = ("copy", "/canarySettings/deploymentId", "/deploymentId")


@pytest.fixture
def gateway(embedded: Clients) -> Gateway:
    return Gateway(embedded("apigateway"))


# --- creating a canary ------------------------------------------------------------------------------------------------


def test_a_stage_without_a_canary_shows_no_canary_settings(gateway: Gateway) -> None:
    assert "canarySettings" not in gateway.stage()


def test_update_stage_creates_the_whole_canary_and_leaves_the_base_alone(gateway: Gateway) -> None:
    gateway.patch(
        ("replace", "/canarySettings/deploymentId", gateway.next),
        ("replace", "/canarySettings/percentTraffic", "5.0"),
        ("replace", "/canarySettings/useStageCache", "false"),
        ("replace", "/canarySettings/stageVariableOverrides/lambdaAlias", "next"),
    )

    stage = gateway.stage()
    assert stage["deploymentId"] == gateway.base
    assert stage["variables"] == {"lambdaAlias": "live", "table": "orders"}
    assert stage["canarySettings"] == {
        "deploymentId": gateway.next,
        "percentTraffic": 5.0,
        "useStageCache": False,
        "stageVariableOverrides": {"lambdaAlias": "next"},
    }


def test_update_stage_answers_what_get_stage_then_shows(gateway: Gateway) -> None:
    answered = gateway.patch(("replace", "/canarySettings/percentTraffic", "2.5"))
    answered.pop("ResponseMetadata")

    assert gateway.stage() == answered


def test_get_stages_shows_the_canary_too(gateway: Gateway) -> None:
    gateway.start_canary()

    stages = gateway.client.get_stages(restApiId=gateway.api_id)["item"]
    assert stages == [gateway.stage()]


def test_percent_traffic_alone_points_the_canary_at_the_base(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/percentTraffic", "25"))

    assert gateway.stage()["canarySettings"] == {
        "deploymentId": gateway.base,
        "percentTraffic": 25.0,
        "useStageCache": False,
    }


def test_deployment_alone_creates_the_canary_at_nought(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/deploymentId", gateway.next))

    assert gateway.stage()["canarySettings"] == {
        "deploymentId": gateway.next,
        "percentTraffic": 0.0,
        "useStageCache": False,
    }


def test_a_late_weight_step_resurrects_a_removed_canary_on_the_base(gateway: Gateway) -> None:
    gateway.start_canary()
    gateway.patch(("remove", "/canarySettings"))

    gateway.patch(("replace", "/canarySettings/percentTraffic", "50.0"))

    canary = gateway.stage()["canarySettings"]
    assert (canary["deploymentId"], canary["percentTraffic"]) == (gateway.base, 50.0)


@pytest.mark.parametrize(
    "path",
    [
        "/canarySettings/deploymentId",
        "/canarySettings/percentTraffic",
        "/canarySettings/stageVariableOverrides/lambdaAlias",
    ],
)
def test_add_is_refused(gateway: Gateway, path: str) -> None:
    refused(
        "BadRequestException",
        400,
        f"Invalid add operation with path: {path}",
        lambda: gateway.patch(("add", path, "1")),
    )


def test_an_unknown_deployment_is_refused(gateway: Gateway) -> None:
    refused(
        "BadRequestException",
        400,
        "Deployment id does not exist",
        lambda: gateway.patch(("replace", "/canarySettings/deploymentId", "nowhere")),
    )


@pytest.mark.parametrize("percent", ["-0.1", "100.1", "many", "nan"])
def test_a_percentage_out_of_range_is_refused(gateway: Gateway, percent: str) -> None:
    with pytest.raises(ClientError, match="BadRequestException"):
        gateway.patch(("replace", "/canarySettings/percentTraffic", percent))

    assert "canarySettings" not in gateway.stage()


def test_more_than_two_decimals_are_kept(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/percentTraffic", "0.125"))

    assert gateway.stage()["canarySettings"]["percentTraffic"] == 0.125


# --- overrides --------------------------------------------------------------------------------------------------------


def test_one_override_is_replaced_and_removed_on_its_own_path(gateway: Gateway) -> None:
    gateway.start_canary()
    gateway.patch(
        ("replace", "/canarySettings/stageVariableOverrides/lambdaAlias", "next"),
        ("replace", "/canarySettings/stageVariableOverrides/table", "orders-next"),
    )

    gateway.patch(
        ("replace", "/canarySettings/stageVariableOverrides/lambdaAlias", "later"),
        ("remove", "/canarySettings/stageVariableOverrides/table"),
    )

    assert gateway.stage()["canarySettings"]["stageVariableOverrides"] == {"lambdaAlias": "later"}


def test_the_map_is_absent_once_the_last_override_is_gone(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/stageVariableOverrides/lambdaAlias", "next"))

    gateway.patch(("remove", "/canarySettings/stageVariableOverrides/lambdaAlias"))

    assert "stageVariableOverrides" not in gateway.stage()["canarySettings"]


def test_removing_an_override_creates_no_canary(gateway: Gateway) -> None:
    gateway.patch(("remove", "/canarySettings/stageVariableOverrides/lambdaAlias"))

    assert "canarySettings" not in gateway.stage()


@pytest.mark.parametrize("operation", [("replace", "{}"), ("remove",)])
def test_the_whole_map_can_be_neither_replaced_nor_removed(gateway: Gateway, operation: tuple[str, ...]) -> None:
    gateway.start_canary()

    op, *value = operation
    with pytest.raises(ClientError, match="BadRequestException"):
        gateway.patch((op, "/canarySettings/stageVariableOverrides", *value))


def test_a_name_may_be_escaped(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/stageVariableOverrides/a~1b~0c", "1"))

    assert gateway.stage()["canarySettings"]["stageVariableOverrides"] == {"a/b~c": "1"}


# --- promoting --------------------------------------------------------------------------------------------------------


def test_promotion_moves_the_base_and_merges_the_variables(gateway: Gateway) -> None:
    gateway.start_canary()
    gateway.patch(("replace", "/canarySettings/stageVariableOverrides/lambdaAlias", "next"))

    gateway.patch(("replace", "/canarySettings/percentTraffic", "0.0"), TO_VARIABLES, TO_DEPLOYMENT)

    stage = gateway.stage()
    assert stage["deploymentId"] == gateway.next
    assert stage["variables"] == {"lambdaAlias": "next", "table": "orders"}


def test_promotion_leaves_the_canary_at_nought(gateway: Gateway) -> None:
    gateway.start_canary()

    gateway.patch(("replace", "/canarySettings/percentTraffic", "0.0"), TO_DEPLOYMENT)

    canary = gateway.stage()["canarySettings"]
    assert (canary["percentTraffic"], canary["deploymentId"]) == (0.0, gateway.next)


def test_without_overrides_the_copy_of_variables_changes_nothing(gateway: Gateway) -> None:
    gateway.start_canary()

    gateway.patch(TO_VARIABLES)

    assert gateway.stage()["variables"] == {"lambdaAlias": "live", "table": "orders"}


@pytest.mark.parametrize("copied", [TO_VARIABLES, TO_DEPLOYMENT])
def test_without_a_canary_there_is_nothing_to_promote(gateway: Gateway, copied: tuple[str, ...]) -> None:
    refused(
        "BadRequestException",
        400,
        "Promotion not available. Canary does not exist.",
        lambda: gateway.patch(copied),
    )


def test_a_percentage_in_the_same_request_makes_the_promotion_succeed_on_the_base(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/percentTraffic", "0.0"), TO_VARIABLES, TO_DEPLOYMENT)

    stage = gateway.stage()
    assert (
        stage["deploymentId"],
        stage["canarySettings"]["deploymentId"],
    ) == (gateway.base, gateway.base)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("/canarySettings/deploymentId", "/variables"),
        ("/canarySettings/stageVariableOverrides", "/deploymentId"),
        ("/variables", "/canarySettings/stageVariableOverrides"),
        ("/deploymentId", "/canarySettings/deploymentId"),
    ],
)
def test_only_two_pairs_can_be_copied(gateway: Gateway, source: str, path: str) -> None:
    gateway.start_canary()

    with pytest.raises(ClientError, match=r"BadRequestException.*Invalid copy operation with path"):
        gateway.patch(("copy", source, path))


# --- removing ---------------------------------------------------------------------------------------------------------


def test_remove_takes_the_key_away(gateway: Gateway) -> None:
    gateway.start_canary()

    gateway.patch(("remove", "/canarySettings"))

    assert "canarySettings" not in gateway.stage()
    assert gateway.stage()["deploymentId"] == gateway.base


def test_removing_no_canary_is_refused(gateway: Gateway) -> None:
    with pytest.raises(ClientError, match="BadRequestException"):
        gateway.patch(("remove", "/canarySettings"))


# --- order and atomicity ----------------------------------------------------------------------------------------------


def test_operations_apply_in_order(gateway: Gateway) -> None:
    gateway.start_canary()

    gateway.patch(
        ("remove", "/canarySettings"),
        ("replace", "/canarySettings/percentTraffic", "10"),
        ("replace", "/canarySettings/percentTraffic", "20"),
    )

    canary = gateway.stage()["canarySettings"]
    assert (canary["deploymentId"], canary["percentTraffic"]) == (gateway.base, 20.0)


def test_a_request_with_one_bad_operation_changes_nothing(gateway: Gateway) -> None:
    gateway.start_canary()
    before = gateway.stage()

    with pytest.raises(ClientError):
        gateway.patch(
            ("replace", "/description", "changed"),
            ("replace", "/variables/lambdaAlias", "changed"),
            ("replace", "/canarySettings/stageVariableOverrides/lambdaAlias", "changed"),
            TO_DEPLOYMENT,
            ("replace", "/canarySettings/deploymentId", "nowhere"),
        )

    assert gateway.stage() == before


# --- other operations -------------------------------------------------------------------------------------------------


def test_variables_descriptions_logging_and_metrics_work_as_before(gateway: Gateway) -> None:
    gateway.patch(
        ("replace", "/variables/lambdaAlias", "other"),
        ("replace", "/variables/added", "1"),
        ("remove", "/variables/table"),
        ("replace", "/description", "orders, live"),
        ("replace", "/*/*/logging/loglevel", "INFO"),
        ("replace", "/*/*/metrics/enabled", "true"),
        ("replace", "/accessLogSettings/destinationArn", "arn:aws:logs:eu-central-1:1:log-group:x"),
        ("replace", "/accessLogSettings/format", "$context.isCanaryRequest"),
    )

    stage = gateway.stage()
    assert stage["variables"] == {"lambdaAlias": "other", "added": "1"}
    assert stage["description"] == "orders, live"
    assert (
        stage["methodSettings"]["*/*"]["loggingLevel"],
        stage["methodSettings"]["*/*"]["metricsEnabled"],
    ) == ("INFO", True)
    assert stage["accessLogSettings"]["format"] == "$context.isCanaryRequest"


def test_the_base_moves_while_a_canary_is_there(gateway: Gateway) -> None:
    gateway.start_canary()
    third = gateway.deploy()

    gateway.patch(("replace", "/deploymentId", third))

    stage = gateway.stage()
    assert (stage["deploymentId"], stage["canarySettings"]["deploymentId"]) == (third, gateway.next)


def test_the_base_cannot_move_to_an_unknown_deployment(gateway: Gateway) -> None:
    refused(
        "BadRequestException",
        400,
        "Deployment id does not exist",
        lambda: gateway.patch(("replace", "/deploymentId", "nowhere")),
    )


def test_an_unknown_stage_is_not_found(gateway: Gateway) -> None:
    refused(
        "NotFoundException",
        404,
        "Invalid stage identifier specified",
        lambda: gateway.client.update_stage(restApiId=gateway.api_id, stageName="none", patchOperations=[]),
    )


# --- CreateDeployment -------------------------------------------------------------------------------------------------


def test_without_a_stage_it_touches_none(gateway: Gateway) -> None:
    before = gateway.stage()

    gateway.deploy(description="rollout-1")

    assert gateway.stage() == before


def test_to_an_existing_stage_it_repoints_and_keeps_the_variables(gateway: Gateway) -> None:
    created = gateway.deploy(stageName="prod")

    stage = gateway.stage()
    assert stage["deploymentId"] == created
    assert stage["variables"] == {"lambdaAlias": "live", "table": "orders"}


def test_to_a_new_stage_it_creates_it(gateway: Gateway) -> None:
    created = gateway.deploy(stageName="beta", variables={"a": "1"}, stageDescription="trial")

    stage = gateway.client.get_stage(restApiId=gateway.api_id, stageName="beta")
    assert (
        stage["deploymentId"],
        stage["variables"],
        stage["description"],
    ) == (created, {"a": "1"}, "trial")


def test_to_a_stage_with_a_canary_it_is_refused_and_leaves_no_deployment(gateway: Gateway) -> None:
    gateway.start_canary()
    count = len(gateway.client.get_deployments(restApiId=gateway.api_id)["items"])

    refused(
        "BadRequestException",
        400,
        "Non canary deployment not supported on stage prod because Canary is enabled. "
        "Provide CanarySettings in deploymentInput.",
        lambda: gateway.deploy(stageName="prod"),
    )
    assert len(gateway.client.get_deployments(restApiId=gateway.api_id)["items"]) == count


def test_with_canary_settings_it_attaches_a_canary_and_leaves_the_base(gateway: Gateway) -> None:
    created = gateway.deploy(
        stageName="prod",
        canarySettings={"percentTraffic": 10.5, "stageVariableOverrides": {"lambdaAlias": "next"}},
    )

    stage = gateway.stage()
    assert stage["deploymentId"] == gateway.base
    assert stage["canarySettings"] == {
        "deploymentId": created,
        "percentTraffic": 10.5,
        "useStageCache": False,
        "stageVariableOverrides": {"lambdaAlias": "next"},
    }


def test_with_canary_settings_it_replaces_the_canary_there(gateway: Gateway) -> None:
    gateway.start_canary()

    created = gateway.deploy(stageName="prod", canarySettings={"percentTraffic": 50.0})

    canary = gateway.stage()["canarySettings"]
    assert (canary["deploymentId"], canary["percentTraffic"]) == (created, 50.0)


def test_a_canary_needs_a_stage_that_exists(gateway: Gateway) -> None:
    refused(
        "BadRequestException",
        400,
        "Invalid deployment content specified.Stage beta must already be created before making a canary "
        "release deployment",
        lambda: gateway.deploy(stageName="beta", canarySettings={"percentTraffic": 5.0}),
    )


def test_a_canary_needs_a_stage_name(gateway: Gateway) -> None:
    refused(
        "BadRequestException",
        400,
        "Invalid deployment content specified.Non null and non empty stageName must be provided for "
        "canary deployment. Provided value is null",
        lambda: gateway.deploy(canarySettings={"percentTraffic": 5.0}),
    )


def test_an_api_without_methods_cannot_be_deployed(gateway: Gateway) -> None:
    empty = gateway.client.create_rest_api(name="empty")["id"]

    refused(
        "BadRequestException",
        400,
        "The REST API doesn't contain any methods",
        lambda: gateway.client.create_deployment(restApiId=empty),
    )


# --- deployments ------------------------------------------------------------------------------------------------------


def test_one_is_a_snapshot_that_a_later_change_does_not_alter(gateway: Gateway) -> None:
    gateway.add_method("POST")
    later = gateway.deploy()

    def methods(deployment_id: str) -> set[str]:
        shown = gateway.client.get_deployment(
            restApiId=gateway.api_id, deploymentId=deployment_id, embed=["apisummary"]
        )
        return set(shown["apiSummary"]["/"])

    assert (methods(gateway.next), methods(later)) == ({"GET"}, {"GET", "POST"})


def test_the_list_comes_in_pages(gateway: Gateway) -> None:
    made = [gateway.base, gateway.next, *(gateway.deploy() for _ in range(26))]

    first = gateway.client.get_deployments(restApiId=gateway.api_id)
    pages = gateway.client.get_paginator("get_deployments").paginate(restApiId=gateway.api_id)

    assert len(first["items"]) == 25
    assert sorted(each["id"] for page in pages for each in page["items"]) == sorted(made)


def test_an_unknown_one_is_not_found(gateway: Gateway) -> None:
    for call in (gateway.client.get_deployment, gateway.client.delete_deployment):
        refused(
            "NotFoundException",
            404,
            "Invalid Deployment identifier specified",
            lambda call=call: call(restApiId=gateway.api_id, deploymentId="nowhere"),  # type: ignore[misc]
        )


def test_a_base_in_use_cannot_be_deleted(gateway: Gateway) -> None:
    refused(
        "BadRequestException",
        400,
        "Active stages pointing to this deployment must be moved or deleted",
        lambda: gateway.client.delete_deployment(restApiId=gateway.api_id, deploymentId=gateway.base),
    )


def test_a_canary_in_use_cannot_be_deleted(gateway: Gateway) -> None:
    gateway.start_canary()

    refused(
        "BadRequestException",
        400,
        "Active stages with canary settings pointing to this deployment must be moved or deleted",
        lambda: gateway.client.delete_deployment(restApiId=gateway.api_id, deploymentId=gateway.next),
    )


def test_one_that_is_no_longer_used_can_be_deleted(gateway: Gateway) -> None:
    gateway.start_canary()
    gateway.patch(("remove", "/canarySettings"))

    gateway.client.delete_deployment(restApiId=gateway.api_id, deploymentId=gateway.next)

    left = gateway.client.get_deployments(restApiId=gateway.api_id)["items"]
    assert [each["id"] for each in left] == [gateway.base]


# --- CreateStage ------------------------------------------------------------------------------------------------------


def test_it_may_bring_a_canary_along(gateway: Gateway) -> None:
    gateway.client.create_stage(
        restApiId=gateway.api_id,
        stageName="beta",
        deploymentId=gateway.base,
        canarySettings={"deploymentId": gateway.next, "percentTraffic": 50.0},
    )

    stage = gateway.client.get_stage(restApiId=gateway.api_id, stageName="beta")
    assert stage["canarySettings"] == {"deploymentId": gateway.next, "percentTraffic": 50.0, "useStageCache": False}


@pytest.mark.parametrize("canary", [None, {"deploymentId": "nowhere"}])
def test_a_stage_of_an_unknown_deployment_is_refused(gateway: Gateway, canary: dict[str, str] | None) -> None:
    refused(
        "BadRequestException",
        400,
        "Deployment id does not exist",
        lambda: gateway.client.create_stage(
            restApiId=gateway.api_id,
            stageName="beta",
            deploymentId="nowhere" if canary is None else gateway.base,
            **({} if canary is None else {"canarySettings": canary}),
        ),
    )


def test_a_name_taken_is_a_conflict(gateway: Gateway) -> None:
    refused(
        "ConflictException",
        409,
        "Stage already exists",
        lambda: gateway.client.create_stage(restApiId=gateway.api_id, stageName="prod", deploymentId=gateway.base),
    )
