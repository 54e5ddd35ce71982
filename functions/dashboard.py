"""Show the rollouts on a CloudWatch dashboard, with buttons for what a person can do about them."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.cockpit.widget import DESCRIPTION
from rollout.core.target import Json
from rollout.logs import log_about
from rollout.tasks.dashboard import dashboard
from rollout.wiring import buttons, ports


def handler(event: Json, context: LambdaContext) -> str:
    """Event: the widget's parameters and `widgetContext`; `command` when a button was pressed, `describe` for help."""
    if event.get("describe"):
        return DESCRIPTION
    shown = dashboard(ports(), event, context.invoked_function_arn, buttons=buttons())
    if shown.answer is not None:
        answer = shown.answer.to_document()
        log_about(ports(), shown.answer.rollout_id, "command", command=event["command"], answer=answer)
    return shown.html
