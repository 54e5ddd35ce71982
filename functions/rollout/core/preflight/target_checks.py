"""What the target, the candidate and the API behind it show that speaks against a rollout.

The law: a function here looks at what would be rolled out, and calls nobody. What it means is said by the table in
`checks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from shlex import quote

from rollout.core.api_definition import FunctionName
from rollout.core.controllers import ANY_CONTROLLER, TAG, tag_function_command
from rollout.core.inspection import Backend
from rollout.core.minutes import minutes_more, utc
from rollout.core.preflight.match import Match
from rollout.core.preflight.prospect import Prospect

LONG_TIMEOUT_MINUTES = 2
"""A Timeout from which on the wait for it is worth a word."""


def target_missing(prospect: Prospect) -> Iterator[Match]:
    if prospect.state is None and prospect.observed.other_api is None:
        yield Match(prospect.observed.missing, command=_targets_command(prospect))


def _targets_command(prospect: Prospect) -> str:
    """Shows what there is in the target's place."""
    ids = prospect.settings.target.ids
    if "functionName" in ids:
        return f"aws lambda list-aliases --function-name {ids['functionName']} {_printing('Aliases[].Name')}"
    apis = f"aws apigateway get-rest-apis {_printing('items[].[id,name]')}"
    return f"{apis}; aws apigateway get-stages --rest-api-id {ids['restApiId']} {_printing('item[].stageName')}"


def other_api(prospect: Prospect) -> Iterator[Match]:
    api = prospect.observed.other_api
    if prospect.state is not None or api is None:
        return
    kind = {"WEBSOCKET": "a WebSocket API"}.get(api.protocol, f"an {api.protocol} API")
    function, alias = api.aliases[0] if api.aliases else ("FUNCTION", "ALIAS")
    ready = "" if api.aliases else "let its integrations call an alias instead of the function itself; then "
    asked = {"target": {"type": "lambda-alias", "functionName": function, "aliasName": alias}}
    command = f"echo {quote(json.dumps(asked))} | rollout preflight -"
    yield Match(f"{prospect.settings.target.ids['restApiId']} is {kind}", {"ready": ready}, command)


def stage_in_stack(prospect: Prospect) -> Iterator[Match]:
    if stack := prospect.inspection.stack:
        command = f"rollout handback {'/'.join(prospect.settings.target.ids.values())}"
        yield Match(f"{prospect.target_key} belongs to the CloudFormation stack {stack}", command=command)


def cache_unused(prospect: Prospect) -> Iterator[Match]:
    if prospect.inspection.cache_cluster and not prospect.settings.candidate.use_stage_cache:
        yield Match(f"{prospect.target_key} has a cache cluster, and the canary would not use it")


def foreign_canary(prospect: Prospect) -> Iterator[Match]:
    if prospect.state is None or prospect.state.canary is None:
        return
    left_by, whose = prospect.observed.canary_of, "and no rollout of it is running"
    if left_by is not None:
        ended = f"ended {left_by.state} at {utc(left_by.ended_at)}" if left_by.ended_at else f"is {left_by.state}"
        whose = f"which rollout {left_by.rollout_id} left there (it {ended})"
    what = f"{prospect.target_key} already has a {prospect.state.canary}, {whose}"
    yield Match(what, command=prospect.observed.removal_command)


def candidate_unfit(prospect: Prospect) -> Iterator[Match]:
    if prospect.observed.objection:
        yield Match(prospect.observed.objection, command=prospect.observed.objection_command)
    if prospect.state is None or prospect.live_already:
        return
    for name, alias in prospect.settings.target.behind.variables.items():
        if prospect.state.variables.get(name) == alias:
            yield Match(
                f"candidate.stageVariables.{name}: the stage itself is on alias {alias} already, so to move that "
                "alias would move everybody at once; let the canary use the other one",
                command=_aliases_command(prospect),
            )


def _aliases_command(prospect: Prospect) -> str:
    """Shows the aliases of the first function behind the target."""
    function = prospect.settings.target.behind.names[0].partition(":")[0]
    return f"aws lambda list-aliases --function-name {function} {_printing('Aliases[].[Name,FunctionVersion]')}"


def _printing(query: str) -> str:
    """How the AWS CLI is told to print only this."""
    return f"--query '{query}' --output text"


def namesake(prospect: Prospect) -> Iterator[Match]:
    others = prospect.inspection.namesakes
    if others and not prospect.reads_access_log:
        name, stage = ", ".join(others), prospect.settings.target.ids["stageName"]
        yield Match(
            f"REST API {name} has the same name as that of {prospect.target_key}, and a stage {stage}, too",
            command=" && ".join(_rename_command(prospect, other) for other in others),
        )


def _rename_command(prospect: Prospect, api: str) -> str:
    name = prospect.observed.own.base.get("ApiName", "api") if prospect.observed.own else "api"
    operations = json.dumps([{"op": "replace", "path": "/name", "value": f"{name}-{api}"}])
    return f"aws apigateway update-rest-api --rest-api-id {api} --patch-operations {quote(operations)}"


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
    """The overridden variables that nothing names. Where something is given all of them, a variable that the stage
    has under this name counts as used.
    """
    used, state = prospect.inspection.variables_used, prospect.state
    if used is None or state is None:
        return
    known = used | state.variables.keys() if prospect.inspection.all_variables_to else used
    yield from (name for name in prospect.overrides if name not in known)


def _without_effect(prospect: Prospect, unused: Sequence[str]) -> bool:
    only_overrides = prospect.state is not None and prospect.settings.candidate.revision == prospect.state.base
    return only_overrides and len(unused) == len(prospect.overrides) and not prospect.inspection.all_variables_to


def override_without_effect(prospect: Prospect) -> Iterator[Match]:
    unused = list(_unused(prospect))
    if unused and _without_effect(prospect, unused):
        yield Match(f"candidate.stageVariables: nothing in the API uses {', '.join(unused)}, and nothing else differs")


def override_unused(prospect: Prospect) -> Iterator[Match]:
    unused = list(_unused(prospect))
    if unused and not _without_effect(prospect, unused):
        given = prospect.inspection.all_variables_to
        but = f", and the stage has no such variable; only {given} could read it" if given else ""
        yield Match(f"candidate.stageVariables: nothing in the API as now defined uses {', '.join(unused)}{but}")


def variable_empty(prospect: Prospect) -> Iterator[Match]:
    for name, caller in prospect.inspection.unset_variables.items():
        yield Match(f"stage variable {name}, which is in the name of what {caller} calls, has no value", {"name": name})


def function_missing(prospect: Prospect) -> Iterator[Match]:
    yield from _missing([each for each in prospect.inspection.backends if not each.live])


def may_not_invoke(prospect: Prospect) -> Iterator[Match]:
    yield from _denied([each for each in prospect.inspection.backends if not each.live])


def broken_already(prospect: Prospect) -> Iterator[Match]:
    live = [each for each in prospect.inspection.backends if each.live]
    for match in (*_missing(live), *_denied(live)):
        yield replace(match, what=f"{match.what}; so it is for the base already")


def _missing(backends: Sequence[Backend]) -> Iterator[Match]:
    missing = [each for each in backends if each.exists is False]
    for name in dict.fromkeys(each.name for each in missing):
        callers = _listed([each.called_as for each in missing if each.name == name])
        yield Match(
            f"{name}, which the candidate calls for {callers}, does not exist",
            {"remedy": _how_to_make(name)},
            _command_to_make(name),
        )


def _how_to_make(name: FunctionName) -> str:
    if not name.qualifier:
        return f"create function {name}; these are there"
    if name.qualifier.isdecimal():
        return "publish a version, and name the one that this prints"
    return "publish a version and create the alias"


def _command_to_make(name: FunctionName) -> str:
    publish = f"aws lambda publish-version --function-name {quote(name.function)} --query Version --output text"
    if not name.qualifier:
        return "aws lambda list-functions --query 'Functions[].FunctionName' --output text"
    if name.qualifier.isdecimal():
        return publish
    create = f"aws lambda create-alias --function-name {quote(name.function)} --name {quote(name.qualifier)}"
    return f'{create} --function-version "$({publish})"'


def _denied(backends: Sequence[Backend]) -> Iterator[Match]:
    denied = [each for each in backends if each.callable is False and each.exists is not False]
    for name, source in dict.fromkeys((each.name, _source_arn(each.caller)) for each in denied):
        callers = [each.called_as for each in denied if (each.name, _source_arn(each.caller)) == (name, source)]
        qualifier = f" --qualifier {quote(name.qualifier)}" if name.qualifier else ""
        statement = "-".join(part for part in source.split(":", 5)[5].split("/") if part != "*")
        command = (
            f"aws lambda add-permission --function-name {quote(name.function)}{qualifier} --statement-id "
            f"rollout-pilot-{quote(statement)} --action lambda:InvokeFunction --principal apigateway.amazonaws.com "
            f"--source-arn {quote(source)}"
        )
        yield Match(f"API Gateway may not invoke {name} for {_listed(callers)}", {"remedy": "allow it"}, command)


def _source_arn(caller: str) -> str:
    """All methods of the stage, or the one authorizer: one statement for each, with an id that is made of it."""
    head, stage, rest = caller.split("/", 2)
    return f"{head}/authorizers/{rest}" if stage == "authorizers" else f"{head}/{stage}/*"


def same_version(prospect: Prospect) -> Iterator[Match]:
    for name, version, instead_of in dict.fromkeys(
        (each.name, each.version, each.instead_of) for each in prospect.inspection.backends if each.instead_of
    ):
        publish = f"aws lambda publish-version --function-name {quote(name.function)} --query Version --output text"
        update = f"aws lambda update-alias --function-name {quote(name.function)} --name {quote(name.qualifier)}"
        yield Match(
            f"{name} is version {version}, as is {instead_of}, which the base calls in its place",
            command=f'{update} --function-version "$({publish})"',
        )


def vpc_link_unfit(prospect: Prospect) -> Iterator[Match]:
    for link in prospect.inspection.links:
        if link.status == "AVAILABLE":
            continue
        named = f"VPC link {link.identity}" if link.identity else "the VPC link, whose stage variable has no value,"
        if link.status:
            what = f"{named}, which {link.method} uses, is {link.status}"
            remedy = "wait until it is AVAILABLE" if link.status == "PENDING" else "make another, and use that"
        else:
            what, remedy = f"{named} which {link.method} uses does not exist", "use one of those that there are"
        yield Match(what, {"remedy": remedy}, "aws apigateway get-vpc-links --query 'items[].[id,name,status]'")


def _listed(callers: Sequence[str]) -> str:
    more = f" and {len(callers) - 1} more" if len(callers) > 1 else ""
    return f"{callers[0]}{more}"


def not_opted_in(prospect: Prospect) -> Iterator[Match]:
    controller = prospect.observed.controller
    for function, tag in prospect.inspection.functions.items():
        if controller is not None and not controller.accepts(tag):
            has = f"; it has {TAG}={tag}" if tag else ""
            lacks = f"function {function} does not carry the tag {TAG}={ANY_CONTROLLER} or {TAG}={controller.name}"
            yield Match(f"{lacks}{has}", command=tag_function_command(function))


def not_looked_at(prospect: Prospect) -> Iterator[Match]:
    for each in prospect.inspection.unreadable:
        yield Match(f"not looked at: {each}")
