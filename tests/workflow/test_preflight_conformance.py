"""Conformance of preflight, over the embedded AWS: a planted mistake gives exactly its finding, the fix that is printed
is carried out, and preflight, asked again, has nothing left of it. On sound shapes it is silent.

A mistake is planted in a sound API under 20 requests a second, or in the request for it. A fix is carried out as a
person would: what is printed to be pasted is pasted, what is printed for the request or a template is written there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.core.findings import Finding
from rollout.core.preflight.checks import CHECKS
from rollout.core.preflight.result import preflight
from rollout.core.rollout import MOST_ALARMS
from rollout.core.target import Target
from rollout.request import parse_request
from rollout.tasks.observe_target import observe_target
from rollout.wiring import Environment, ports_over
from rollout_simulator.example_api import ACCESS_LOG_FORMAT
from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.scenario import parse_scenario
from rollout_simulator.simulation import opened
from rollout_simulator.template import ACCOUNT, REGION
from tests.pasting import paste
from tests.workflow.world import World

Json = dict[str, Any]

FIREHOSE = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/amazon-apigateway-orders"
BY_LOG = {"source": "accessLog"}
HERE = f"{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/api"
ALARM = "orders-5xx"
MOST_ROUNDS = 4


class Api:
    """The API of a scenario, with short ways to change it and its functions."""

    def __init__(self, at: World) -> None:
        self.at, self.client = at, at.client
        self.gateway, self.functions = at.client("apigateway"), at.client("lambda")
        self.target = Target.from_document(at.simulation.subject.request()["target"])
        self.id = self.target.ids.get("restApiId", "")
        self.function = self.target.ids.get("functionName", f"orders-{self.id}")
        self.arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function}"

    @property
    def where(self) -> Json:
        return dict(self.target.ids)

    def patch(self, path: str, value: str) -> None:
        self.gateway.update_stage(**self.where, patchOperations=[{"op": "replace", "path": path, "value": value}])

    def method(self, verb: str, function: str = "", *, authorizer: str = "", **integration: Any) -> str:
        """Add a method to the root; the id of a new deployment that has it."""
        root = self.gateway.get_resources(restApiId=self.id)["items"][0]["id"]
        where = {"restApiId": self.id, "resourceId": root, "httpMethod": verb}
        authorized = {"authorizationType": "CUSTOM", "authorizerId": authorizer}
        self.gateway.put_method(**where, **(authorized if authorizer else {"authorizationType": "NONE"}))
        uri = {"uri": self.uri(function)} if function else {}
        self.gateway.put_integration(
            **where, **{"type": "AWS_PROXY", "integrationHttpMethod": "POST", **uri, **integration}
        )
        return self.deploy()

    def uri(self, function: str) -> str:
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"

    def integrate(self, function: str, **integration: Any) -> str:
        """Let the API's own method call this, and not as a proxy, in a new deployment."""
        return self.method("GET", function, **{"type": "AWS", **integration})

    def deploy(self) -> str:
        return str(self.gateway.create_deployment(restApiId=self.id)["id"])

    def live(self, deployment: str) -> str:
        """Let the stage have this deployment, and give another of the same definition."""
        self.patch("/deploymentId", deployment)
        return self.deploy()

    def allow(
        self, qualifier: str, source: str = "prod/*", statement: str = "all", place: str = f"{REGION}:{ACCOUNT}"
    ) -> None:
        self.functions.add_permission(
            FunctionName=self.function,
            Qualifier=qualifier,
            StatementId=statement,
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{place}:{self.id}/{source}",
        )

    def authorizer(self, kind: str, alias: str) -> str:
        made = self.gateway.create_authorizer(
            restApiId=self.id,
            name="tokens",
            type=kind,
            authorizerUri=self.uri(f"{self.arn}:{alias}"),
            identitySource="x",
        )
        return str(made["id"])

    def new_code(self, text: str = "newer") -> None:
        self.functions.update_function_code(FunctionName=self.function, ZipFile=zipped(text))

    def log_to(self, destination: str, log_format: str) -> None:
        self.patch("/accessLogSettings/destinationArn", destination)
        self.patch("/accessLogSettings/format", log_format)

    def log_group(self) -> str:
        self.client("logs").create_log_group(logGroupName="orders")
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:orders"

    def put_alarm(self, name: str = ALARM, **dimensions: str) -> None:
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/ApiGateway",
            MetricName="5XXError",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=5_000,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        )
        self.set_alarm(name, "OK")

    def set_alarm(self, name: str, state: str) -> None:
        self.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="as the test wants")


Plant = Callable[[Api, Json], Any]
Mend = Callable[[Api, Json, Finding], Any]


def pasted(api: Api, request: Json, finding: Finding) -> None:
    """Paste what is printed."""
    del request
    paste(api.client, REGION, finding.command)


@dataclass(frozen=True)
class Row:
    """A planted mistake, and how its fix is carried out. Both may change the request, which they get as a copy.

    scenario: what differs from the sound API. beside: findings that cannot but come with it. leaves: those that stay
    when it is mended. follows: those that its fix uncovers, which are then pasted away in their turn.
    """

    code: str
    plant: Plant
    mend: Mend = pasted
    scenario: Json = field(default_factory=dict)
    beside: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()
    note: str = ""

    def __str__(self) -> str:
        return f"{self.code}-{self.note}" if self.note else self.code


@contextmanager
def api_of(**fields: Any) -> Iterator[Api]:
    """A sound API under 20 requests a second, or what these fields make of it."""
    with opened(parse_scenario({"name": "conformance", **fields}, "conformance")) as simulation:
        simulation.prepare_alarms()
        yield Api(World(simulation))


def request_of(api: Api) -> Json:
    """A request against which nothing speaks."""
    return dict(json.loads(json.dumps(api.at.simulation.subject.request())))


def asked(api: Api, request: Json) -> list[Finding]:
    """What preflight finds."""
    simulation = api.at.simulation
    outputs = simulation.aws.deployment.outputs
    environment = Environment("rollouts", "default", 90, outputs["StateMachineArn"])
    ports = replace(ports_over(api.client, environment), store=simulation.store)
    parsed = parse_request(request)
    return list(preflight(parsed, observe_target(ports, parsed, simulation.clock.now())).findings)


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


# --- the mistakes ------------------------------------------------------------------------------------------------


def candidate(request: Json, **fields: Any) -> None:
    request["candidate"] = {**request["candidate"], **fields}


def deployed(make: Callable[[Api], str]) -> Plant:
    """The candidate is the deployment that this makes."""
    return lambda api, request: candidate(request, deploymentId=make(api))


def variables(**values: str) -> Plant:
    return lambda _, request: candidate(request, stageVariables=values)


def changes(**fields: Any) -> Plant:
    return lambda _, request: request.update(fields)


def by_hand(change: Callable[[Api, Json], Any]) -> Mend:
    """What is printed is written into the request, or into the API."""
    return lambda api, request, _: change(api, request)


def an_http_api(api: Api, request: Json) -> None:
    apis = api.client("apigatewayv2")
    other = apis.create_api(Name="orders", ProtocolType="HTTP")["ApiId"]
    apis.create_integration(ApiId=other, IntegrationType="AWS_PROXY", IntegrationUri=f"{api.arn}:live")
    api.new_code()
    request["target"]["restApiId"] = other


def the_printed_request(api: Api, request: Json, finding: Finding) -> None:
    written = re.search(r"echo '(.*)' \|", finding.command)
    assert written
    request.clear()
    request.update(json.loads(written[1]))
    del api


def a_canary(api: Api, _: Json) -> None:
    for name, value in {"deploymentId": api.deploy(), "percentTraffic": "5.0"}.items():
        api.patch(f"/canarySettings/{name}", value)


def a_namesake(api: Api, _: Json) -> None:
    other = api.gateway.create_rest_api(name="orders")["id"]
    root = api.gateway.get_resources(restApiId=other)["items"][0]["id"]
    where = {"restApiId": other, "resourceId": root, "httpMethod": "GET"}
    api.gateway.put_method(**where, authorizationType="NONE")
    api.gateway.put_integration(**where, type="MOCK")
    deployment = api.gateway.create_deployment(restApiId=other)["id"]
    api.gateway.create_stage(restApiId=other, stageName="prod", deploymentId=deployment)


def one_that_is_printed(api: Api, request: Json, finding: Finding) -> None:
    printed = paste(api.client, REGION, finding.command)
    assert api.at.simulation.api.candidate in printed
    candidate(request, deploymentId=api.at.simulation.api.candidate)


def nothing_uses_variables(api: Api, request: Json) -> None:
    base = api.integrate(f"{api.arn}:live")
    api.live(base)
    candidate(request, deploymentId=base)


def a_definition_that_is_not_deployed(api: Api, request: Json) -> None:
    nothing_uses_variables(api, request)
    root = api.gateway.get_resources(restApiId=api.id)["items"][0]["id"]
    uri = api.uri(f"{api.arn}:${{stageVariables.lambdaAlias}}")
    operations = [{"op": "replace", "path": "/uri", "value": uri}]
    api.gateway.update_integration(restApiId=api.id, resourceId=root, httpMethod="GET", patchOperations=operations)


def use_the_variable(api: Api, request: Json, _: Finding) -> None:
    candidate(request, deploymentId=api.integrate(f"{api.arn}:${{stageVariables.lambdaAlias}}"))


def a_variable_nobody_sets(api: Api, request: Json) -> None:
    api.allow("next")
    candidate(request, deploymentId=api.method("PUT", f"{api.arn}:${{stageVariables.other}}"))


def set_the_variable(_: Api, request: Json, finding: Finding) -> None:
    (name,) = re.findall(r"candidate\.stageVariables\.(\w+)", finding.fix)
    request["candidate"]["stageVariables"][name] = "next"


def a_version_to_come(api: Api, request: Json) -> None:
    api.new_code()
    variables(lambdaAlias="3")(api, request)


def an_alias_without_permission(api: Api, request: Json) -> None:
    api.functions.create_alias(FunctionName=api.function, Name="forbidden", FunctionVersion="2")
    variables(lambdaAlias="forbidden")(api, request)


def permission_for(place: str, source: str = "prod/*", more: str = "") -> Plant:
    """The alias may be invoked, but from another place, or for another stage or path."""

    def plant(api: Api, request: Json) -> None:
        an_alias_without_permission(api, request)
        api.allow("forbidden", source, place=place)
        if more:
            api.allow("forbidden", more, statement="more")

    return plant


def authorized_by(kind: str) -> Plant:
    def plant(api: Api, request: Json) -> None:
        api.allow("next")
        made = api.authorizer(kind, "${stageVariables.lambdaAlias}")
        candidate(request, deploymentId=api.method("PUT", authorizer=made, type="MOCK"))

    return plant


def broken_for_the_base(api: Api, request: Json) -> None:
    candidate(request, deploymentId=api.live(api.method("PUT", f"{api.arn}:live")))


def next_on_the_live_version(api: Api, _: Json) -> None:
    api.functions.update_alias(FunctionName=api.function, Name="next", FunctionVersion="1")


def new_code_and_paste(api: Api, request: Json, finding: Finding) -> None:
    api.new_code()
    pasted(api, request, finding)


LINKED: Json = {"type": "HTTP_PROXY", "connectionType": "VPC_LINK", "uri": "http://orders.internal/"}


def a_link_that_is_not_there(api: Api, request: Json) -> None:
    api.gateway.create_vpc_link(name="orders", targetArns=["arn:aws:elasticloadbalancing:x"])
    candidate(request, deploymentId=api.method("PUT", **LINKED, connectionId="gone"))


def the_printed_link(api: Api, request: Json, finding: Finding) -> None:
    ((link, _, status),) = json.loads(paste(api.client, REGION, finding.command))
    assert status == "AVAILABLE"
    candidate(request, deploymentId=api.method("PUT", **LINKED, connectionId=link))


FAILED_PAYMENTS: Json = {
    "name": "FailedPayments",
    "namespace": "Shop",
    "dimensions": {"Track": "{track}"},
    "statistic": "Sum",
    "better": "lower",
}


def a_metric_that_never_was(*, as_zero: bool) -> Plant:
    return changes(metrics=[{**FAILED_PAYMENTS, "absentIsZero": as_zero, "required": not as_zero}])


def publish_a_zero(api: Api, _: Json) -> None:
    publish(api, "Shop", "FailedPayments", Track="base")


def publish(api: Api, namespace: str, metric: str, **dimensions: str) -> None:
    """A point an hour ago."""
    point = {
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Value": 0.0,
        "Timestamp": api.at.simulation.clock.now() - timedelta(hours=1),
    }
    api.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[point])


def the_lag_that_is_printed(_: Api, request: Json, finding: Finding) -> None:
    (lag,) = re.findall(r"lagMinutes` to (\d+)", finding.fix)
    request["measurement"] = {**request.get("measurement", {}), "lagMinutes": int(lag)}


def a_log(log_format: str, *, filters: bool = True, data: bool = False) -> Plant:
    """The stage writes an access log; without `data`, it has not written anything yet."""

    def plant(api: Api, request: Json) -> None:
        request["measurement"] = BY_LOG
        if data:
            api.patch("/accessLogSettings/format", log_format)
            return
        api.log_to(api.log_group(), log_format)
        if filters:
            put_filters(api)

    return plant


def put_filters(api: Api, group: str = "orders") -> None:
    """Those of examples/snippets/access-log-metrics.yaml."""
    for metric, name in {"Status": "status", "Latency": "responseLatency"}.items():
        made = {
            "metricName": metric,
            "metricNamespace": "RolloutPilot/AccessLog",
            "metricValue": f"$.{name}",
            "dimensions": {"ApiId": "$.apiId", "Stage": "$.stage", "Canary": "$.isCanaryRequest"},
        }
        api.client("logs").put_metric_filter(
            logGroupName=group, filterName=metric, filterPattern=f"{{ $.{name} = * }}", metricTransformations=[made]
        )


def the_printed_line(tool: str) -> Mend:
    """The format that is printed for this tool is written into its template."""

    def mend(api: Api, request: Json, finding: Finding) -> None:
        (written,) = {
            "SAM": re.findall(r"Format: '(\{.*?\})';", finding.fix),
            "CDK": re.findall(r"custom\((\".*?\")\);", finding.fix),
            "Terraform": re.findall(r"format = (\".*?\");", finding.fix),
        }[tool]
        api.patch("/accessLogSettings/format", written if tool == "SAM" else json.loads(written))
        del request

    return mend


def to_a_stream(api: Api, request: Json) -> None:
    request["measurement"] = BY_LOG
    api.patch("/accessLogSettings/destinationArn", FIREHOSE)


def as_in_the_guide(api: Api, _: Json) -> None:
    api.log_to(api.log_group(), ACCESS_LOG_FORMAT)
    put_filters(api)


def a_probe_that_found_no_series(api: Api, _: Json) -> None:
    api.at.simulation.store.keep_account({"answers": {"execution-logging": "no series"}})


def many_alarms(api: Api, request: Json) -> None:
    names = [f"alarm-{number:03}" for number in range(MOST_ALARMS)]
    for name in (*names, "tagged"):
        api.put_alarm(name, ApiName="orders", Stage="prod")
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:tagged"
    tag = {"Key": "rollout-pilot:target", "Value": f"{api.id}/prod"}
    api.client("cloudwatch").tag_resource(ResourceARN=arn, Tags=[tag])
    request["alarms"] = names


def one_composite_alarm(api: Api, request: Json) -> None:
    rule = " OR ".join(f'ALARM("{name}")' for name in request["alarms"])
    api.client("cloudwatch").put_composite_alarm(AlarmName="all", AlarmRule=rule)
    api.set_alarm("all", "OK")
    request["alarms"] = ["all"]


def an_alarm(state: str = "OK", **dimensions: str) -> Plant:
    def plant(api: Api, request: Json) -> None:
        api.put_alarm("good", ApiName="orders", Stage="prod")
        api.put_alarm(**{"ApiName": "orders", "Stage": "prod", **dimensions})
        api.set_alarm(ALARM, state)
        request["alarms"] = ["good", ALARM]

    return plant


def data_of_another_stage(api: Api, request: Json) -> None:
    an_alarm(Stage="test")(api, request)
    publish(api, "AWS/ApiGateway", "5XXError", ApiName="orders", Stage="test")


def the_printed_dimensions(api: Api, _: Json, finding: Finding) -> None:
    (said,) = re.findall(
        r"series (?:is that )?of (\w+=[^;]*)$", f"{finding.what if 'is that of' in finding.what else finding.fix}"
    )
    api.put_alarm(**dict(each.split("=") for each in said.split(", ")))


def the_printed_alarm(api: Api, request: Json, finding: Finding) -> None:
    assert ALARM in paste(api.client, REGION, finding.command).split()
    request["alarms"] = [ALARM]


def an_untagged_function(api: Api, _: Json) -> None:
    api.functions.untag_resource(Resource=api.arn, TagKeys=["rollout-pilot"])


def an_alias_on_latest(api: Api, _: Json) -> None:
    api.functions.update_alias(FunctionName="orders", Name="live", FunctionVersion="$LATEST")


def nothing_to_publish(api: Api, request: Json) -> None:
    version = api.functions.publish_version(FunctionName="orders")["Version"]
    api.functions.update_alias(FunctionName="orders", Name="live", FunctionVersion=version)
    del request["candidate"]


def bring_new_code(api: Api, request: Json, finding: Finding) -> None:
    paste(api.client, REGION, finding.command, {"function.zip": zipped("newer")})
    del request


def the_printed_version(api: Api, request: Json, finding: Finding) -> None:
    request["candidate"] = {"version": paste(api.client, REGION, finding.command).split()[-1]}


def provisioned(qualifier: str, *, publish: bool = False) -> Plant:
    def plant(api: Api, request: Json) -> None:
        api.functions.put_provisioned_concurrency_config(
            FunctionName="orders", Qualifier=qualifier, ProvisionedConcurrentExecutions=2
        )
        if publish:
            api.new_code()
            del request["candidate"]

    return plant


def weights_of_somebody(api: Api, _: Json) -> None:
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    api.functions.update_alias(FunctionName="orders", Name="live", FunctionVersion="1", RoutingConfig=weights)


ALIAS = {"target": "lambda-alias"}
MOVED = {"api": {"on_promotion": "moveAliases"}}
LOGGED = {"api": {"access_log": True}}
NO_DATA = frozenset({"no-recent-data"})

ROWS = (
    Row("target-missing", lambda _, request: request["target"].update(stageName="prd"),
        by_hand(lambda _, request: request["target"].update(stageName="prod"))),
    Row("not-a-rest-api", an_http_api, the_printed_request, leaves=NO_DATA | {"weak-step"}),
    Row("foreign-canary", a_canary),
    Row("namesake", a_namesake),
    Row("namesake", a_namesake, by_hand(changes(measurement=BY_LOG)), LOGGED, note="measured by the access log"),
    Row("candidate-unfit", lambda _, request: candidate(request, deploymentId="nowhere"), one_that_is_printed),
    Row("candidate-unfit", an_alias_on_latest, scenario=ALIAS, note="an alias on $LATEST"),
    Row("candidate-unfit", nothing_to_publish, bring_new_code, ALIAS, note="nothing to publish"),
    Row("candidate-unfit", changes(candidate={"version": "9"}), the_printed_version, ALIAS, note="no such version"),
    Row("candidate-unfit", provisioned("1"), scenario=ALIAS, note="provisioned concurrency of the base alone"),
    Row("candidate-unfit", provisioned("live"), scenario=ALIAS, note="provisioned concurrency of the alias",
        follows=frozenset({"candidate-unfit"})),
    Row("candidate-unfit", provisioned("1", publish=True), the_printed_version, ALIAS,
        note="provisioned concurrency, and nothing published"),
    Row("foreign-canary", weights_of_somebody, scenario=ALIAS, note="an alias"),
    Row("cache-unused", lambda api, _: api.patch("/cacheClusterEnabled", "true"),
        by_hand(lambda _, request: candidate(request, useStageCache=True))),
    Row("nothing-differs", lambda api, request: candidate(
            request, deploymentId=api.at.simulation.api.base, stageVariables={"lambdaAlias": "live"}),
        by_hand(lambda api, request: candidate(
            request, deploymentId=api.at.simulation.api.candidate, stageVariables={"lambdaAlias": "next"}))),
    Row("override-repeats-base", variables(lambdaAlias="live"), by_hand(variables(lambdaAlias="next"))),
    Row("override-repeats-base", variables(lambdaAlias="live"), by_hand(variables()), note="left out"),
    Row("override-without-effect", nothing_uses_variables, use_the_variable),
    Row("override-without-effect", a_definition_that_is_not_deployed, by_hand(deployed(Api.deploy)),
        note="changed and not deployed"),
    Row("override-unused", variables(lambdaAlias="next", colour="green"), by_hand(variables(lambdaAlias="next"))),
    Row("override-unused", variables(lambdaAlias="next", colour="green"),
        by_hand(lambda api, _: api.patch("/variables/colour", "blue")), note="set on the stage"),
    Row("variable-empty", a_variable_nobody_sets, set_the_variable),
    Row("function-missing", variables(lambdaAlias="nowhere"), follows=frozenset({"may-not-invoke"}), note="alias"),
    Row("function-missing", a_version_to_come, follows=frozenset({"may-not-invoke"}), note="version"),
    Row("function-missing", deployed(lambda api: api.method("PUT", f"{api.arn}:9", credentials=ROLE)),
        by_hand(deployed(lambda api: api.method("PUT", f"{api.arn}:2", credentials=ROLE))), note="version by a role"),
    Row("function-missing", deployed(lambda api: api.method("PUT", f"{api.arn}-gone")),
        by_hand(lambda api, request: candidate(request, deploymentId=api.method("PUT", f"{api.arn}:next"))),
        follows=frozenset({"may-not-invoke"}), note="function of a new path"),
    Row("may-not-invoke", an_alias_without_permission),
    Row("may-not-invoke", permission_for(f"us-west-2:{ACCOUNT}"), note="another region"),
    Row("may-not-invoke", permission_for(f"{REGION}:210987654321"), note="another account"),
    Row("may-not-invoke", permission_for(f"{REGION}:{ACCOUNT}", "test/*"), note="another stage"),
    Row("may-not-invoke", permission_for(f"{REGION}:{ACCOUNT}", "prod/GET/orders", "prod/POST/*"), note="another path"),
    Row("may-not-invoke", deployed(lambda api: api.method("PUT", f"{api.arn}:next")), note="a new path"),
    Row("may-not-invoke", deployed(lambda api: api.method("PUT", api.arn)), note="unqualified"),
    Row("may-not-invoke", deployed(lambda api: api.method("PUT", f"{api.arn}:2")), note="a version"),
    Row("may-not-invoke", authorized_by("TOKEN"), note="a TOKEN authorizer"),
    Row("may-not-invoke", authorized_by("REQUEST"), note="a REQUEST authorizer"),
    Row("broken-already", broken_for_the_base),
    Row("same-version", next_on_the_live_version, new_code_and_paste),
    Row("vpc-link-unfit", a_link_that_is_not_there, the_printed_link),
    Row("metric-unknown", a_metric_that_never_was(as_zero=True), by_hand(publish_a_zero)),
    Row("metric-unknown", a_metric_that_never_was(as_zero=False), by_hand(publish_a_zero), leaves=NO_DATA,
        note="required"),
    Row("metric-unknown", a_metric_that_never_was(as_zero=True),
        by_hand(changes(metrics=[{**FAILED_PAYMENTS, "absentIsZero": True, "dryRun": True}])), note="dry run"),
    Row("lag-too-short", lambda *_: None, the_lag_that_is_printed, {"metrics": {"late_minutes": 6}},
        beside=frozenset({"weak-step"}), leaves=frozenset({"weak-step"})),
    Row("access-log-missing", changes(measurement=BY_LOG), by_hand(as_in_the_guide), leaves=NO_DATA, beside=NO_DATA),
    Row("access-log-elsewhere", to_a_stream, scenario=LOGGED, follows=frozenset({"metric-filter-unfit"})),
    Row("access-log-unfit", a_log('{"status":$context.status}', data=True), scenario=LOGGED),
    Row("access-log-unfit", a_log("$context.requestId $context.status", data=True), scenario=LOGGED, note="no JSON"),
    *(
        Row("access-log-quoted", a_log(ACCESS_LOG_FORMAT.replace("$context.status", '"$context.status"')),
            the_printed_line(tool), beside=NO_DATA, leaves=NO_DATA, note=tool)
        for tool in ("SAM", "CDK", "Terraform")
    ),
    Row("access-log-quoted", a_log(ACCESS_LOG_FORMAT.replace("$context.status", '"$context.status"')),
        beside=NO_DATA, leaves=NO_DATA, note="pasted"),
    Row("metric-filter-unfit", a_log(ACCESS_LOG_FORMAT, filters=False), beside=NO_DATA, leaves=NO_DATA),
    Row("metric-filter-unfit", a_log(ACCESS_LOG_FORMAT.replace('"apiId"', '"api"'), data=True), scenario=LOGGED,
        note="another key"),
    Row("canary-unseen", lambda *_: None, scenario={"api": {"execution_logging": False}}),
    Row("canary-without-series", a_probe_that_found_no_series, by_hand(changes(measurement={"canarySeries": "x"}))),
    Row("too-many-alarms", many_alarms, by_hand(one_composite_alarm)),
    Row("alarm-missing", lambda api, request: (an_alarm()(api, request), request.update(alarms=["gone"])),
        the_printed_alarm),
    Row("alarm-firing", an_alarm("ALARM"), by_hand(changes(ignoreAlarmsAlreadyFiring=True))),
    Row("alarms-without-data", an_alarm(ApiName="oders"), the_printed_dimensions, note="a dead one beside a good one"),
    Row("alarm-of-another", data_of_another_stage, the_printed_dimensions),
    Row("not-opted-in", an_untagged_function, scenario=MOVED),
    Row("weak-step", changes(plan={"steps": [{"weightPercent": "0.01", "bakeMinutes": 1}], "control": 0}),
        by_hand(lambda _, request: request.pop("plan", None))),
)  # fmt: skip

NOT_MECHANICAL = {
    "stage-in-stack": "it says what belonging to a stack means; the stage goes on belonging to it",
    "no-recent-data": "only requests bring data",
    "alarm-elsewhere": "the alarm and its events are another account's",
    "not-looked-at": "the permission is the reader's own, and it says which call is missing; see the contract tests",
    "long-timeout": "it says how long will be waited: nothing needs to be done",
}
"""Findings without a fix that a test could carry out, and why."""


def test_every_finding_has_a_row_or_a_reason_for_none() -> None:
    rows = {row.code for row in ROWS}
    assert not rows & NOT_MECHANICAL.keys()
    assert {check.code for check in CHECKS} == rows | NOT_MECHANICAL.keys()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_mistake_is_found_and_its_fix_leaves_nothing_of_it(row: Row) -> None:
    with api_of(**row.scenario) as api:
        request = request_of(api)
        row.plant(api, request)
        found = asked(api, request)
        assert codes(found) == {row.code} | row.beside, [str(finding) for finding in found]
        for finding in found:
            if finding.code == row.code:
                row.mend(api, request, finding)
        left = asked(api, request)
        for _ in range(MOST_ROUNDS):
            assert codes(left) <= row.follows | row.leaves, [str(finding) for finding in left]
            for finding in left:
                if finding.code in row.follows:
                    pasted(api, request, finding)
            left = asked(api, request)
        assert codes(left) <= row.leaves, [str(finding) for finding in left]


# --- sound shapes ------------------------------------------------------------------------------------------------


def only_a_variable(make: Callable[[Api], str]) -> Plant:
    """Base and candidate have the deployment that this makes; they differ in a variable alone, which both set."""

    def plant(api: Api, request: Json) -> None:
        deployment = make(api)
        api.patch("/deploymentId", deployment)
        api.patch("/variables/flag", "off")
        candidate(request, deploymentId=deployment, stageVariables={"flag": "on"})

    return plant


def read_by_a_template(text: str) -> Plant:
    template = {"application/json": f'{{"flag": "{text}"}}'}
    return only_a_variable(lambda api: api.integrate(f"{api.arn}:live", requestTemplates=template))


def read_by_a_request_authorizer(api: Api) -> str:
    api.allow("live", "authorizers/*")
    return api.method("GET", authorizer=api.authorizer("REQUEST", "live"), type="MOCK")


def named_by_an_authorizer(api: Api) -> str:
    for alias in ("on", "off"):
        version = "2" if alias == "on" else "1"
        api.functions.create_alias(FunctionName=api.function, Name=alias, FunctionVersion=version)
        api.allow(alias, "authorizers/*")
    return api.method("GET", authorizer=api.authorizer("TOKEN", "${stageVariables.flag}"), type="MOCK")


def own_keys(api: Api, request: Json) -> None:
    """Another format than ours, in quotes, with filters that fit it; points have come."""
    request["measurement"] = BY_LOG
    keys = {"apiId": "api", "stage": "env", "isCanaryRequest": "canary", "status": "code", "responseLatency": "ms"}
    api.patch("/accessLogSettings/format", json.dumps({key: f"$context.{name}" for name, key in keys.items()}))
    for metric, key in {"Status": "code", "Latency": "ms"}.items():
        made = {
            "metricName": metric,
            "metricNamespace": "RolloutPilot/AccessLog",
            "metricValue": f"$.{key}",
            "dimensions": {"ApiId": "$.api", "Stage": "$.env", "Canary": "$.canary"},
        }
        api.client("logs").put_metric_filter(
            logGroupName="orders-access",
            filterName=metric,
            filterPattern=f"{{ $.{key} = * }}",
            metricTransformations=[made],
        )


def a_vpc_link(api: Api) -> str:
    link = api.gateway.create_vpc_link(name="orders", targetArns=["arn:aws:elasticloadbalancing:x"])["id"]
    return api.method("PUT", **LINKED, connectionId=link)


def authorized_with_a_role(api: Api, request: Json) -> None:
    made = api.gateway.create_authorizer(
        restApiId=api.id,
        name="tokens",
        type="TOKEN",
        authorizerUri=api.uri(f"{api.arn}:next"),
        authorizerCredentials=ROLE,
        identitySource="x",
    )
    candidate(request, deploymentId=api.method("PUT", authorizer=made["id"], type="MOCK"))


SOUND: dict[str, tuple[Plant, Json]] = {
    "nothing planted": (lambda *_: None, {}),
    "an alias": (lambda *_: None, {"target": "lambda-alias"}),
    "aliases behind the stage": (lambda *_: None, MOVED),
    "measured by the access log": (changes(measurement=BY_LOG), LOGGED),
    "a variable that a proxy function reads": (only_a_variable(lambda api: api.at.simulation.api.base), {}),
    "a variable that a REQUEST authorizer reads": (only_a_variable(read_by_a_request_authorizer), {}),
    "a variable in an authorizer's address": (only_a_variable(named_by_an_authorizer), {}),
    "a variable in a template": (read_by_a_template("$stageVariables.flag"), {}),
    "a variable in a template by ['']": (read_by_a_template("$stageVariables['flag']"), {}),
    "a variable in a template by get": (read_by_a_template("$stageVariables.get('flag')"), {}),
    "all variables in a template": (read_by_a_template("$stageVariables.keySet()"), {}),
    "a role with a published version": (deployed(lambda api: api.method("PUT", f"{api.arn}:2", credentials=ROLE)), {}),
    "an authorizer with a role": (authorized_with_a_role, {}),
    "a VPC link": (deployed(a_vpc_link), {}),
    "another address": (deployed(lambda api: api.method("PUT", type="HTTP_PROXY", uri="https://example.org/")), {}),
    "numbers in quotes and other keys, and points have come": (own_keys, LOGGED),
    "alarms with data": (an_alarm(), {}),
}


@pytest.mark.parametrize("shape", SOUND)
def test_preflight_is_silent_on(shape: str) -> None:
    plant, fields = SOUND[shape]
    with api_of(**fields) as api:
        request = request_of(api)
        plant(api, request)
        assert asked(api, request) == []


def test_the_statements_of_two_stages_do_not_collide() -> None:
    """What is printed for the one is pasted, then what is printed for the other, of the same function."""
    with api_of() as api:
        request = request_of(api)
        api.gateway.create_stage(
            restApiId=api.id,
            stageName="test",
            deploymentId=api.at.simulation.api.base,
            variables={"lambdaAlias": "live"},
            tags={"rollout-pilot": "managed"},
        )
        an_alias_without_permission(api, request)
        for stage in ("prod", "test"):
            request["target"]["stageName"] = stage
            (denied,) = [finding for finding in asked(api, request) if finding.code == "may-not-invoke"]
            pasted(api, request, denied)
            assert "may-not-invoke" not in codes(asked(api, request))


def test_the_request_is_refused_for_what_only_a_person_can_mend_and_warned_of_otherwise() -> None:
    """The findings without a row, told by data of the embedded AWS as well."""
    with api_of() as api:
        request = request_of(api)
        arn = f"arn:aws:apigateway:{REGION}::/restapis/{api.id}/stages/prod"
        api.gateway.tag_resource(resourceArn=arn, tags={"aws:cloudformation:stack-name": "orders"})
        request["alarms"] = ["arn:aws:cloudwatch:us-east-1:210987654321:alarm:theirs"]
        found = {finding.code: finding for finding in asked(api, request)}
        assert found.keys() == {"stage-in-stack", "alarm-elsewhere"}
        handed_back = json.loads(pasted_as_printed(api, found["stage-in-stack"]))
        assert handed_back["parameters"]["LiveDeploymentId"] == api.at.simulation.api.base
        assert "--region us-east-1" in found["alarm-elsewhere"].command


def pasted_as_printed(api: Api, finding: Finding) -> str:
    return paste(api.client, REGION, finding.command)
