"""The API of a scenario in the embedded AWS: a REST API with a live stage, a new deployment, and its alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rollout_simulator.alarms import put_alarm
from rollout_simulator.scenario import Alarm, Scenario

OPTED_IN = {"rollout-pilot": "managed"}
"""The tag by which a stage or function opts in."""
CANDIDATE = "candidate"
"""The description of the deployment that is to be rolled out."""


@dataclass(frozen=True, slots=True)
class ExampleApi:
    """The ids that a request needs. `candidate` is the deployment to roll out."""

    rest_api_id: str
    stage: str
    base: str
    candidate: str

    def request(self, scenario: Scenario) -> dict[str, Any]:
        """The scenario's request, with the target and the candidate that the scenario leaves out."""
        request = dict(scenario.request)
        request.setdefault(
            "target", {"type": "apigateway-stage", "restApiId": self.rest_api_id, "stageName": self.stage}
        )
        request.setdefault(
            "candidate", {"deploymentId": self.candidate, "stageVariables": dict(scenario.api.candidate_variables)}
        )
        named = [alarm.name for alarm in scenario.alarms if alarm.named_in_request]
        if named:
            request.setdefault("alarms", named)
        return request


def create_api(client: Any, scenario: Scenario) -> ExampleApi:
    """Make the API, its live stage and the candidate's deployment, by boto3's API Gateway client."""
    rest_api_id = client.create_rest_api(name=scenario.api.name)["id"]
    root = client.get_resources(restApiId=rest_api_id)["items"][0]["id"]
    where = {"restApiId": rest_api_id, "resourceId": root, "httpMethod": "GET"}
    client.put_method(**where, authorizationType="NONE")
    client.put_integration(**where, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    base = client.create_deployment(restApiId=rest_api_id, description="live")["id"]
    client.create_stage(
        restApiId=rest_api_id,
        stageName=scenario.api.stage,
        deploymentId=base,
        variables=dict(scenario.api.variables),
        tags=OPTED_IN,
    )
    candidate = client.create_deployment(restApiId=rest_api_id, description=CANDIDATE)["id"]
    return ExampleApi(rest_api_id, scenario.api.stage, base, candidate)


def create_alarm(client: Any, alarm: Alarm, scenario: Scenario, api: ExampleApi) -> None:
    """Make one of the scenario's alarms, by boto3's CloudWatch client."""
    dimensions = {"ApiName": scenario.api.name, "Stage": scenario.api.stage}
    tag = f"{api.rest_api_id}/{api.stage}"
    put_alarm(client, alarm, "AWS/ApiGateway", alarm.metric or "5XXError", dimensions, tag)
