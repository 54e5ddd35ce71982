"""What the target, the candidate and the API behind it show that speaks against a rollout.

The law: a function here looks at what would be rolled out, and calls nobody. What it means is said by the table in
`checks`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout.core.controllers import ANY_CONTROLLER, TAG
from rollout.core.minutes import minutes_more, utc
from rollout.core.preflight.match import Match
from rollout.core.preflight.prospect import Prospect

LONG_TIMEOUT_MINUTES = 2
"""A Timeout from which on the wait for it is worth a word."""


def target_missing(prospect: Prospect) -> Iterator[Match]:
    if prospect.state is None:
        yield Match(prospect.observed.missing)


def foreign_canary(prospect: Prospect) -> Iterator[Match]:
    if prospect.state is None or prospect.state.canary is None:
        return
    left_by, whose = prospect.observed.canary_of, "and no rollout of it is running"
    if left_by is not None:
        ended = f"ended {left_by.state} at {utc(left_by.ended_at)}" if left_by.ended_at else f"is {left_by.state}"
        whose = f"which rollout {left_by.rollout_id} left there (it {ended})"
    what = f"{prospect.target_key} already has a {prospect.state.canary}, {whose}"
    yield Match(what, {"command": prospect.observed.removal_command})


def candidate_unfit(prospect: Prospect) -> Iterator[Match]:
    if prospect.observed.objection:
        yield Match(prospect.observed.objection)
    if prospect.state is None or prospect.live_already:
        return
    for name, alias in prospect.settings.target.behind.variables.items():
        if prospect.state.variables.get(name) == alias:
            yield Match(
                f"candidate.stageVariables.{name}: the stage itself is on alias {alias} already, so to move that "
                "alias would move everybody at once; let the canary use the other one"
            )


def namesake(prospect: Prospect) -> Iterator[Match]:
    others = prospect.inspection.namesakes
    if others and not prospect.reads_access_log:
        stage = prospect.settings.target.ids["stageName"]
        yield Match(
            f"REST API {', '.join(others)} has the same name as that of {prospect.target_key}, and a stage {stage}, too"
        )


def long_timeout(prospect: Prospect) -> Iterator[Match]:
    minutes = minutes_more(prospect.inspection.timeout_seconds)
    if minutes >= LONG_TIMEOUT_MINUTES:
        yield Match(
            f"an invocation may take {minutes} min: the last raise and the promotion each wait up to {minutes} min more"
        )


def nothing_differs(prospect: Prospect) -> Iterator[Match]:
    if prospect.live_already:
        yield Match(f"{prospect.settings.candidate.revision} with these variables is live already")


def override_repeats_base(prospect: Prospect) -> Iterator[Match]:
    if prospect.state is None or prospect.live_already:
        return
    for name, value in prospect.overrides.items():
        if prospect.state.variables.get(name) == value:
            yield Match(f"candidate.stageVariables.{name}: {value!r} is what the base has, too")


def _unused(prospect: Prospect) -> Iterator[str]:
    used = prospect.inspection.variables_used
    return iter(()) if used is None else (name for name in prospect.overrides if name not in used)


def _only_overrides(prospect: Prospect) -> bool:
    return prospect.state is not None and prospect.settings.candidate.revision == prospect.state.base


def override_without_effect(prospect: Prospect) -> Iterator[Match]:
    unused = list(_unused(prospect))
    if unused and len(unused) == len(prospect.overrides) and _only_overrides(prospect):
        yield Match(f"candidate.stageVariables: nothing in the API uses {', '.join(unused)}, and nothing else differs")


def override_unused(prospect: Prospect) -> Iterator[Match]:
    unused = list(_unused(prospect))
    if unused and not (len(unused) == len(prospect.overrides) and _only_overrides(prospect)):
        yield Match(f"candidate.stageVariables: nothing in the API as now defined uses {', '.join(unused)}")


def function_missing(prospect: Prospect) -> Iterator[Match]:
    for name in dict.fromkeys(each.name for each in prospect.inspection.backends if each.exists is False):
        yield Match(f"{name}, which the candidate calls, does not exist", {"function": name})


def may_not_invoke(prospect: Prospect) -> Iterator[Match]:
    denied = [each for each in prospect.inspection.backends if each.callable is False and each.exists is not False]
    for name in dict.fromkeys(each.name for each in denied):
        methods = [each.called_as.split("/", 2)[2].replace("/", " /", 1) for each in denied if each.name == name]
        first = next(each for each in denied if each.name == name)
        api, _, rest = first.called_as.partition("/")
        _, partition, _, region, account = first.function.split(":")[:5]
        qualifier = f" --qualifier {first.qualifier}" if first.qualifier else ""
        more = f" and {len(methods) - 1} more methods" if len(methods) > 1 else ""
        yield Match(
            f"API Gateway may not invoke {name} for {methods[0]}{more}",
            {
                "command": f"aws lambda add-permission --function-name {first.function}{qualifier} --statement-id "
                f"rollout-{api} --action lambda:InvokeFunction --principal apigateway.amazonaws.com --source-arn "
                f"'arn:{partition}:execute-api:{region}:{account}:{api}/{rest.partition('/')[0]}/*'"
            },
        )


def not_opted_in(prospect: Prospect) -> Iterator[Match]:
    controller = prospect.observed.controller
    for function, tag in prospect.inspection.functions.items():
        if controller is not None and not controller.accepts(tag):
            yield Match(f"function {function} does not carry the tag {TAG}={ANY_CONTROLLER} or {TAG}={controller.name}")


def not_looked_at(prospect: Prospect) -> Iterator[Match]:
    for each in prospect.inspection.unreadable:
        yield Match(f"not looked at: {each}")
