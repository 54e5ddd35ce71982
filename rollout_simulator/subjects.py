"""What a scenario rolls out, by the kind of target: made, put under traffic, shown, and meddled with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from rollout.adapters.cloudwatch_logs import usual_group
from rollout_simulator import example_api, example_function
from rollout_simulator.alias_traffic import AliasTraffic
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.functions_traffic import FunctionsTraffic
from rollout_simulator.moto_patches.lambda_alias import AliasChange
from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.moto_patches.stage_control_plane import StageChange
from rollout_simulator.scenario import Alarm, ForeignChange, Scenario
from rollout_simulator.template import ACCOUNT, REGION
from rollout_simulator.traffic import StageTraffic, Traffic
from rollout_simulator.traffic_logs import TrafficLogs

Json = dict[str, Any]
Began = Callable[[], None]


class Subject(Protocol):
    """One target, and the traffic that follows it."""

    @property
    def traffic(self) -> Traffic: ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What somebody needs to know to use it, by short names."""

    @property
    def command(self) -> str:
        """What the AWS command line shows it by."""

    def request(self, further: int | None = None) -> Json:
        """The scenario's request, or the further one of this number, from 0."""

    def show(self) -> Json | None:
        """As AWS shows it; None when it is gone."""

    def alarm(self, alarm: Alarm) -> None:
        """Make one of the scenario's alarms."""

    def meddle(self, change: ForeignChange) -> None:
        """Somebody else changes it."""

    def tell(self, began: Began) -> None:
        """Call this whenever a canary appears on it."""


class Stage:
    """A stage of an API. `api` has its ids."""

    def __init__(self, aws: EmbeddedAws, scenario: Scenario, seed: int) -> None:
        self._aws = aws
        self._scenario = scenario
        self._client = aws.client("apigateway")
        self.api = example_api.create_api(aws.client, scenario)
        self.traffic = self._traffic(aws, scenario, seed)
        self.traffic.logs = self._logs(aws, scenario, seed)
        self._where = {"restApiId": self.api.rest_api_id, "stageName": self.api.stage}
        self.facts = {
            "API": self.api.rest_api_id,
            "stage": self.api.stage,
            "base": f"{self.api.base}   (the deployment that is live)",
            "candidate": f"{self.api.candidate}   (the deployment to roll out)",
        }
        self.command = f"apigateway get-stage --rest-api-id {self.api.rest_api_id} --stage-name {self.api.stage}"
        aws.stages.listeners.append(self._changed)

    def request(self, further: int | None = None) -> Json:
        return self.api.request(self._scenario, further)

    def show(self) -> Json | None:
        try:
            return shown(self._client.get_stage(**self._where))
        except self._client.exceptions.NotFoundException:
            return None

    def alarm(self, alarm: Alarm) -> None:
        example_api.create_alarm(alarm, self._scenario, self.api)

    def meddle(self, change: ForeignChange) -> None:
        if change.delete_stage:
            self._client.delete_stage(**self._where)
        elif change.deploy:
            self._deploy()
        elif change.remove_canary:
            self._patch({"op": "remove", "path": "/canarySettings"})
        elif change.tag:
            arn = f"arn:aws:apigateway:{REGION}::/restapis/{self.api.rest_api_id}/stages/{self.api.stage}"
            self._client.tag_resource(resourceArn=arn, tags=change.tag)
        elif change.update_alias:
            self._aws.client("lambda").update_alias(FunctionName=self.api.functions[0], **change.update_alias)
        else:
            self._patch(*change.patch)

    def _deploy(self) -> None:
        """As CloudFormation does it: a deployment without a stage, and then the stage is pointed to it."""
        deployment = self._client.create_deployment(restApiId=self.api.rest_api_id, description="a pipeline's")["id"]
        self.traffic.deployed_by_others(deployment)
        self._patch({"op": "replace", "path": "/deploymentId", "value": deployment})

    def _patch(self, *operations: Mapping[str, str]) -> None:
        self._client.update_stage(**self._where, patchOperations=list(operations))

    def tell(self, began: Began) -> None:
        def listen(change: StageChange) -> None:
            before, after = (change.before or {}), (change.after or {})
            if self._is_ours(change) and "canarySettings" in after and "canarySettings" not in before:
                began()

        self._aws.stages.listeners.append(listen)

    def _is_ours(self, change: StageChange) -> bool:
        return (change.rest_api_id, change.stage_name) == (self.api.rest_api_id, self.api.stage)

    def _traffic(self, aws: EmbeddedAws, scenario: Scenario, seed: int) -> StageTraffic:
        """The deployment says how the API answers; or the versions do, where the controller moves their aliases."""
        if scenario.api.on_promotion is None:
            return StageTraffic(scenario, aws.metrics, self.api, seed)
        traffic = FunctionsTraffic(scenario, aws.metrics, self.api, seed)
        aws.aliases.listeners.append(traffic.alias_changed)
        return traffic

    def _logs(self, aws: EmbeddedAws, scenario: Scenario, seed: int) -> TrafficLogs:
        """What its requests leave in the access log and in the functions' logs."""
        written = example_api.ACCESS_LOG_FORMAT if scenario.api.access_log else ""
        logs = TrafficLogs(scenario, seed, self.api.functions, written)
        if written:
            aws.logs.follow(example_api.access_log_group(scenario), logs.access_log)
        _follow_functions(aws, logs, self.api.functions)
        return logs

    def _changed(self, change: StageChange) -> None:
        if self._is_ours(change):
            self.traffic.stage_changed(change.when, change.after)


class Alias:
    """An alias of a function. `function` has its names and versions."""

    def __init__(self, aws: EmbeddedAws, scenario: Scenario, seed: int) -> None:
        self._aws = aws
        self._scenario = scenario
        self._client = aws.client("lambda")
        self.function = example_function.create_function(aws.client, scenario)
        self.traffic = AliasTraffic(scenario, aws.metrics, self.function, seed)
        self.traffic.logs = TrafficLogs(scenario, seed, [self.function.name])
        _follow_functions(aws, self.traffic.logs, [self.function.name])
        self._where = {"FunctionName": self.function.name, "Name": self.function.alias}
        self.facts = {
            "function": self.function.name,
            "alias": self.function.alias,
            "versions": f"{self.function.base}   (live), {self.function.candidate}   (to roll out)",
        }
        self.command = f"lambda get-alias --function-name {self.function.name} --name {self.function.alias}"
        aws.aliases.listeners.append(self._changed)

    def request(self, further: int | None = None) -> Json:
        return self.function.request(self._scenario, further)

    def show(self) -> Json | None:
        try:
            return shown(self._client.get_alias(**self._where))
        except self._client.exceptions.ResourceNotFoundException:
            return None

    def alarm(self, alarm: Alarm) -> None:
        example_function.create_alarm(alarm, self.function)

    def meddle(self, change: ForeignChange) -> None:
        if change.delete_alias:
            self._client.delete_alias(**self._where)
        elif change.deploy:
            self._deploy()
        elif change.remove_canary:
            self._client.update_alias(**self._where, RoutingConfig={"AdditionalVersionWeights": {}})
        elif change.tag:
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function.name}"
            self._client.tag_resource(Resource=arn, Tags=change.tag)
        else:
            self._client.update_alias(**self._where, **change.update_alias)

    def _deploy(self) -> None:
        """A new version of the function, and the alias on it; its weights stay as they are."""
        name = self.function.name
        self._client.update_function_code(FunctionName=name, ZipFile=zipped("a pipeline's"))
        version = self._client.publish_version(FunctionName=name)["Version"]
        self.traffic.deployed_by_others(version)
        self._client.update_alias(**self._where, FunctionVersion=version)

    def tell(self, began: Began) -> None:
        def listen(change: AliasChange) -> None:
            before, after = (change.before or {}), (change.after or {})
            if self._is_ours(change) and "RoutingConfig" in after and "RoutingConfig" not in before:
                began()

        self._aws.aliases.listeners.append(listen)

    def _is_ours(self, change: AliasChange) -> bool:
        return (change.function_name, change.alias_name) == (self.function.name, self.function.alias)

    def _changed(self, change: AliasChange) -> None:
        if self._is_ours(change):
            self.traffic.alias_changed(change.when, change.after)


KINDS: Mapping[str, Callable[[EmbeddedAws, Scenario, int], Stage | Alias]] = {
    "apigateway-stage": Stage,
    "lambda-alias": Alias,
}
"""By the scenario's `target`."""


def _follow_functions(aws: EmbeddedAws, logs: TrafficLogs, functions: Sequence[str]) -> None:
    for name in functions:
        aws.logs.follow(usual_group(name), partial(logs.function_log, name))


def shown(answer: Mapping[str, Any]) -> Json:
    """What AWS answered, as JSON can say it."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in answer.items()
        if name != "ResponseMetadata"
    }
