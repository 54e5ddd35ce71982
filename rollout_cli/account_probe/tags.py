"""The question about inherited tags: asked with the probe's own role, which may deploy only what has its tag."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from rollout_cli.account_probe.access import DENIED, code_of, words_of
from rollout_cli.account_probe.answer import Answer
from rollout_cli.account_probe.removal import TAG
from rollout_cli.account_probe.subject import Subject

LATEST_POLICY_SECONDS = 120.0
"""IAM is eventually consistent; how long that takes at most is documented nowhere."""
_PAUSE = 5.0


def tag_inheritance(subject: Subject) -> Answer:
    """Whether CreateDeployment is checked against the API's tags.

    The same policy lets the role read the API without a condition. Only when that works has IAM taken the policy up,
    and a refusal of the deployment says something.
    """
    if not subject.makes_role:
        return Answer(None, "not asked: --role was given, and no other role is touched")
    _grant(subject)
    gateway = subject.access.client_of_role(_credentials(subject), "apigateway")
    subject.access.patiently(
        lambda: gateway.get_rest_api(restApiId=subject.rest_api_id),
        also=DENIED,
        seconds=LATEST_POLICY_SECONDS,
        pause=_PAUSE,
    )
    try:
        subject.access.patiently(
            lambda: gateway.create_deployment(restApiId=subject.rest_api_id, description="by the tag")
        )
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        return Answer("not inherited", words_of(error))
    return Answer("inherited")


def _grant(subject: Subject) -> None:
    api = f"{subject.arn_prefix}:apigateway:{subject.region}::/restapis/{subject.rest_api_id}"
    tagged = {"StringEquals": {f"aws:ResourceTag/{TAG}": subject.name}}
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "apigateway:GET", "Resource": api},
        {"Effect": "Allow", "Action": "apigateway:POST", "Resource": f"{api}/deployments", "Condition": tagged},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam = subject.access.client("iam")
    iam.put_role_policy(RoleName=subject.name, PolicyName="deploy-what-is-tagged", PolicyDocument=policy)


def _credentials(subject: Subject) -> Any:
    sts = subject.access.client("sts")
    answer = subject.access.patiently(
        lambda: sts.assume_role(RoleArn=subject.role_arn, RoleSessionName="probe", DurationSeconds=900),
        also=DENIED,
        seconds=LATEST_POLICY_SECONDS,
        pause=_PAUSE,
    )
    return answer["Credentials"]
