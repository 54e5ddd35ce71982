"""Least privilege, both ways: nothing is called that is not allowed, and nothing is allowed that is not called.

The embedded AWS refuses what a role's policies do not allow, so every scenario and test proves the first way. Here a
few rollouts, which together go everywhere, show the second: what no call has needed is no permission to have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from rollout_simulator.permissions.enforcement import Permissions
from rollout_simulator.permissions.policies import LEADING_KEYS, Permission, Statement
from rollout_simulator.scenario import SCENARIOS, load_scenario
from rollout_simulator.simulation import Simulation, opened
from tests.workflow.test_dashboard import asked, payloads
from tests.workflow.test_preflight_conformance import Api
from tests.workflow.world import World, scenario, world

SHORT = {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 1}], "watchMinutes": 0}}

UNUSED: dict[tuple[str, str], str] = {
    ("RolloutStateMachine", "WriteTheWorkflowsLog"): "Step Functions itself delivers the workflow's log",
}
"""(role, Sid) of statements that no call of ours needs, and why they are there all the same."""


def the_scenario(name: str) -> Simulation:
    """A scenario that comes with the product."""
    with opened(load_scenario(SCENARIOS / f"{name}.toml")) as simulation:
        simulation.run()
        return simulation


def a_rollout(**fields: Any) -> Simulation:
    """A short rollout in a scenario with these fields."""
    with opened(scenario(**{"request": SHORT, **fields})) as simulation:
        simulation.run()
        return simulation


def a_superseded_rollout() -> Simulation:
    with world(request=SHORT) as at:
        at.start(at.request(), "first")
        at.until_canary()
        at.ended(at.start(at.request(onConflict="supersede"), "second"))
        return at.simulation


def a_request_that_is_made_twice() -> Simulation:
    with world(request={**SHORT, "requestId": "release-1"}) as at:
        at.ended(at.start(at.request(), "first"))
        at.ended(at.start(at.request(), "second"))
        return at.simulation


def an_execution_stopped_while_an_alarm_is_watched() -> Simulation:
    alarm = {"name": "orders-queue-too-old", "threshold": 1.0}
    return a_rollout(alarms=[alarm], signals=[{"at_minute": 3, "command": "stop-execution"}])


def a_deployment_of_the_api_as_it_is() -> Simulation:
    with world(request=SHORT) as at:
        at.ended(at.start(at.request(candidate=None)))
        return at.simulation


def a_rollout_to_an_alias_that_is_not_there() -> Simulation:
    with world(request=SHORT) as at:
        candidate = {"deploymentId": at.simulation.api.candidate, "stageVariables": {"lambdaAlias": "nowhere"}}
        at.ended(at.start(at.request(candidate=candidate)))
        return at.simulation


def a_candidate_with_an_authorizer_a_version_and_a_vpc_link() -> Simulation:
    with world(request=SHORT) as at:
        api = Api(at)
        api.method("POST", f"{api.arn}:1")
        link = api.gateway.create_vpc_link(name="orders", targetArns=["arn:aws:elasticloadbalancing:x"])["id"]
        calls = {"type": "HTTP_PROXY", "connectionType": "VPC_LINK", "connectionId": link, "uri": "https://orders"}
        deployment = api.method("PUT", authorizer=api.authorizer("REQUEST", "live"), **calls)
        at.ended(at.start(at.request(candidate={"deploymentId": deployment})))
        return at.simulation


def a_request_for_an_http_api() -> Simulation:
    with world(request=SHORT) as at:
        apis = at.client("apigatewayv2")
        made = apis.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
        apis.create_integration(ApiId=made, IntegrationType="AWS_PROXY", IntegrationUri=Api(at).arn)
        at.ended(at.start(at.request(target={**at.target(), "restApiId": made})))
        return at.simulation


def a_rollback_that_is_refused() -> Simulation:
    denied = {"service": "apigateway", "operation": "UpdateStage", "error": "AccessDeniedException", "from_minute": 3}
    return a_rollout(candidate={"error_percent": 100.0}, faults=[denied], horizon_minutes=30)


def a_rollout_of_many_executions() -> Simulation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rollout.tasks.analyze.MOST_ANALYSES", 2)
        return a_rollout(request={"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 4}], "watchMinutes": 0}})


def a_rollout_that_nobody_can_be_told_of() -> Simulation:
    with world(request=SHORT) as at:
        at.client("sns").delete_topic(TopicArn=at.simulation.aws.deployment.outputs["NotificationTopicArn"])
        at.ended(at.start(at.request()))
        return at.simulation


def a_rollout_moved_by_the_dashboard() -> Simulation:
    def press(at: World, name: str) -> None:
        pages = (asked(at), asked(at, rollout="r-1"))
        buttons = [each for page in pages for each in payloads(page) if each.get("command", {}).get("command") == name]
        assert f"{buttons[0]['command']['rolloutId']}" in asked(at, **buttons[0])

    with world(request=SHORT) as at:
        execution = at.start(at.request())
        at.until_canary()
        at.simulation.clock.run_until(at.simulation.clock.now() + timedelta(seconds=30))  # now it bakes
        press(at, "pause")
        at.simulation.clock.run_until(lambda: any(event["state"] == "PAUSED" for event in at.told()))
        press(at, "resume")
        at.ended(execution)
        press(at, "rollback")
        return at.simulation


EVERYWHERE: tuple[Callable[[], Simulation], ...] = (
    lambda: the_scenario("healthy"),
    lambda: the_scenario("alarm-fires"),
    lambda: the_scenario("execution-stopped"),
    lambda: the_scenario("undone"),
    lambda: the_scenario("access-log-healthy"),
    lambda: the_scenario("paused-and-resumed"),
    lambda: the_scenario("alias-published"),
    lambda: the_scenario("alias-worse-after-promotion"),
    lambda: a_rollout(target="lambda-alias", signals=[{"at_minute": 3, "command": "stop-execution"}]),
    a_superseded_rollout,
    a_request_that_is_made_twice,
    an_execution_stopped_while_an_alarm_is_watched,
    a_deployment_of_the_api_as_it_is,
    a_rollout_to_an_alias_that_is_not_there,
    a_candidate_with_an_authorizer_a_version_and_a_vpc_link,
    a_request_for_an_http_api,
    a_rollback_that_is_refused,
    a_rollout_of_many_executions,
    a_rollout_that_nobody_can_be_told_of,
    a_rollout_moved_by_the_dashboard,
)


def written_kinds(statement: Statement) -> Sequence[str]:
    """The kinds of items that the statement lets its role write."""
    return [each for found in statement.conditions if found.key == LEADING_KEYS for each in found.patterns]


def words(granted: Permission) -> Sequence[str]:
    """The words of the statement that were needed: action, resource, and kinds of items."""
    return [granted.action, granted.resource, *dict(granted.keys).get(LEADING_KEYS, ())]


@pytest.fixture(scope="module")
def lived() -> Sequence[Permissions]:
    """What the roles were allowed, and refused, in each of these worlds."""
    return [live().aws.permissions for live in EVERYWHERE]


@pytest.mark.slow
def test_nothing_is_called_that_is_not_allowed(lived: Sequence[Permissions]) -> None:
    assert [refused for permissions in lived for refused in permissions.refused] == []


@pytest.mark.slow
def test_every_permission_is_used(lived: Sequence[Permissions]) -> None:
    used = {(grant.role, grant.sid, what) for each in lived for grant in each.used for what in words(grant.granted)}
    unused = [
        f"{role}: {statement.sid}: {what}"
        for role, statements in lived[0].roles.items()
        for statement in statements
        if (role, statement.sid) not in UNUSED
        for what in (*statement.actions, *statement.resources, *written_kinds(statement))
        if (role, statement.sid, what) not in used
    ]
    assert unused == [], "no rollout here needs these: take them out of template.yaml, or add a rollout that does"


@pytest.mark.slow
def test_the_exceptions_are_exceptions(lived: Sequence[Permissions]) -> None:
    used = {(grant.role, grant.sid) for each in lived for grant in each.used}
    there = {(role, statement.sid) for role, statements in lived[0].roles.items() for statement in statements}
    assert UNUSED.keys() - there == set()
    assert UNUSED.keys() & used == set()


def test_a_stage_that_has_not_opted_in_is_not_touched() -> None:
    with world(request=SHORT) as at:
        api = f"arn:aws:apigateway:us-east-1::/restapis/{at.target()['restApiId']}"
        stage = f"{api}/stages/{at.target()['stageName']}"
        for each in (api, stage):
            at.client("apigateway").untag_resource(resourceArn=each, tagKeys=["rollout-pilot"])
        before = at.stage()
        ended = at.ended(at.start(at.request()))
        assert ended["error"] == "Rejected"
        assert "does not carry the tag rollout-pilot=managed" in ended["cause"]
        assert (at.stage(), at.holder(), at.changes()) == (before, None, [])


def test_a_stage_whose_tag_is_taken_away_after_the_request_was_accepted_is_not_touched() -> None:
    with world(request=SHORT) as at:
        target = at.target()
        api = f"arn:aws:apigateway:us-east-1::/restapis/{target['restApiId']}"
        before = at.stage()
        execution = at.start(at.request())
        at.simulation.clock.run_until(lambda: at.holder() is not None)
        for each in (api, f"{api}/stages/{target['stageName']}"):
            at.client("apigateway").untag_resource(resourceArn=each, tagKeys=["rollout-pilot"])
        ended = at.ended(execution)
        assert "not authorized to perform: apigateway:PATCH" in ended["cause"]
        assert (at.holder(), at.changes()) == (None, [])
        assert at.stage().get("tags", {}) == {}
        assert {**at.stage(), "tags": {}} == {**before, "tags": {}}


def test_where_a_deployment_cannot_be_made_by_tag_the_rollout_fails_untouched_and_says_why() -> None:
    """It is not known whether AWS lets a deployment that is only being made inherit the API's tags."""
    with world(request=SHORT) as at:
        at.simulation.aws.permissions.new_resources_inherit = False
        before = at.stage()
        ended = at.ended(at.start(at.request(candidate=None)))
        assert "not authorized to perform: apigateway:POST" in ended["cause"]
        assert (at.stage(), at.holder(), at.changes()) == (before, None, [])
        assert at.ended(at.start(at.request(), "r-2"))["status"] == "SUCCEEDED"
