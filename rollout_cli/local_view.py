"""What `rollout local` prints: where everything is, and commands to copy."""

from __future__ import annotations

import json
import shlex
from typing import Any

from rollout.core.texts import cleaned
from rollout_simulator.local import LocalAws

Json = dict[str, Any]

ROLLOUT = "first"
"""The name of the rollout in the commands."""

VARIABLES_FILE = "rollout-local.json"


def resources(aws: LocalAws) -> Json:
    """Where everything is, as `rollout local --json` prints it; `request` is one for the candidate."""
    return {
        "endpointUrl": aws.endpoint_url,
        "region": aws.region,
        "scenario": aws.simulation.scenario.name,
        "outputs": dict(aws.outputs),
        "request": aws.request,
    }


def introduction(aws: LocalAws, speed: float) -> str:
    """The first thing that is printed."""
    scenario, outputs = aws.simulation.scenario, aws.outputs
    facts = {
        "endpoint": f"{aws.endpoint_url}   (region {aws.region}, any credentials; this machine only)",
        "time": f"{aws.simulation.clock.now():%Y-%m-%d %H:%M} UTC, {speed:g} simulated seconds in each second",
        "scenario": f"{scenario.name}: {scenario.description}",
        "state machine": outputs["StateMachineArn"],
        "table": outputs["TableName"],
        **aws.simulation.subject.facts,
        **aws.neighbour.facts,
    }
    known = "\n".join(f"  {name:<14} {value}" for name, value in facts.items())
    commands = "\n\n".join(f"# {title}\n{text}" for title, text in _commands(aws).items())
    return "\n\n".join(
        [
            "An embedded AWS with Rollout Pilot deployed, an API and a function under traffic.",
            known,
            commands,
            "Ctrl-C stops it.",
        ]
    )


def state_line(event: Json) -> str:
    """One line for a `Rollout State Changed` event."""
    event = cleaned(event)
    weight = f"{event['weightPercent']:g} %" if "weightPercent" in event else ""
    return f"{event['at'][11:16]}  {event['rolloutId']}  {event['state']:<12} {weight:>5}  {event['reason']}".rstrip()


def _commands(aws: LocalAws) -> dict[str, str]:
    """Titles with the commands that do it, to be pasted into a shell."""
    outputs = aws.outputs
    cli = f"aws --endpoint-url {aws.endpoint_url}"
    entry = {"Source": "rollout.pilot", "DetailType": "Rollout Requested", "Detail": json.dumps(aws.request)}
    execution = f"{outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{ROLLOUT}"
    record = {":id": {"S": f"ROLLOUT#{ROLLOUT}"}}
    return {
        "In another terminal": "\n".join(
            [
                f"export AWS_DEFAULT_REGION={aws.region} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any",
                f"export AWS_ENDPOINT_URL={aws.endpoint_url}",
            ]
        ),
        f"Request a rollout, named {ROLLOUT!r}": (
            f"{cli} stepfunctions start-execution --state-machine-arn {outputs['StateMachineArn']} \\\n"
            f"  --name {ROLLOUT} --input {_quoted(aws.request)}"
        ),
        "The same with this product's own command, and wait for its end": "\n".join(
            [
                f"echo {_quoted(aws.request)} |",
                f"  rollout start - --wait --region {aws.region} --endpoint-url {aws.endpoint_url}",
            ]
        ),
        "The same as an event; EventBridge names the rollout": f"{cli} events put-events --entries {_quoted([entry])}",
        "Watch the target, the rollout and its history": "\n".join(
            [
                f"{cli} {aws.simulation.subject.command}",
                f"{cli} stepfunctions describe-execution --execution-arn {execution}",
                f"{cli} dynamodb query --table-name {outputs['TableName']} --key-condition-expression 'pk = :id' \\",
                f"  --expression-attribute-values {_quoted(record)}",
            ]
        ),
        "With boto3": "\n".join(
            [
                "python - <<'END'",
                "import boto3",
                f'aws = {{"endpoint_url": "{aws.endpoint_url}", "region_name": "{aws.region}"}}',
                'answer = boto3.client("stepfunctions", **aws).start_execution(',
                f'    stateMachineArn="{outputs["StateMachineArn"]}",',
                f"    input={json.dumps(aws.request)!r},",
                ")",
                'print(answer["executionArn"])',
                "END",
            ]
        ),
        "One function alone, in its container (after `sam build`, with Docker)": "\n".join(
            [
                f"echo {_quoted({'Parameters': aws.function_variables | {'AWS_ENDPOINT_URL': aws.endpoint_url}})} "
                f"> {VARIABLES_FILE}",
                f"""echo '{{"rolloutId": "{ROLLOUT}"}}' | sam local invoke AnalyzeFunction --event - \\""",
                f"  --env-vars {VARIABLES_FILE} --docker-network host",
                "sam local invoke OnAlarmFunction --event events/on_alarm.json \\",
                f"  --env-vars {VARIABLES_FILE} --docker-network host",
            ]
        ),
    }


def _quoted(document: Any) -> str:
    return shlex.quote(json.dumps(document))
