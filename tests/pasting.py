"""Runs what preflight prints to be pasted into a shell, against the embedded AWS.

It understands as much of a shell as is printed: `&&` and `;`, quotes, `$(…)`, a variable, and a pipe from `echo` into
`rollout`. An `aws` command is read as the AWS CLI reads it: options by the names of the operation's parameters, values
as JSON, as its shorthand, or plain, and `--query` with `--output text`. What it does not understand is an error.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from typer.testing import CliRunner

from rollout_cli.main import app

SERVICES = {"apigateway", "cloudwatch", "lambda", "logs"}
_INNERMOST = re.compile(r"\$\(([^()]*)\)")


def paste(
    client: Callable[[str], Any], region: str, line: str, files: Mapping[str, bytes] = MappingProxyType({})
) -> str:
    """What the shell prints, in a folder with these files. Raises: ClientError, ValueError (no command that works)."""
    variables: dict[str, str] = {}
    printed = ""
    for command in _split(line):
        while (inner := _INNERMOST.search(command)) is not None:
            output = paste(client, region, inner[1], files)
            command = command[: inner.start()] + output + command[inner.end() :]  # noqa: PLW2901 - as a shell does it
        for name, value in variables.items():
            command = command.replace(f"${name}", value)  # noqa: PLW2901
        words = shlex.split(command)
        if (assigned := re.fullmatch(r"(\w+)=(.*)", words[0])) and len(words) == 1:
            variables[assigned[1]] = assigned[2]
            continue
        printed = _run(client, region, words, files)
    return printed


def _split(line: str) -> list[str]:
    """The commands, split where `&&` and `;` stand outside of quotes and of `$(…)`."""
    parts, quoted, depth, start = [], "", 0, 0
    for at, character in enumerate(line):
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "'\"":
            quoted = character
        depth += (character == "(") - (character == ")")
        if not quoted and depth == 0 and (character == ";" or line[at : at + 2] == "&&"):
            parts.append(line[start:at])
            start = at + (1 if character == ";" else 2)
    return [part.strip() for part in (*parts, line[start:])]


def _run(client: Callable[[str], Any], region: str, words: list[str], files: Mapping[str, bytes]) -> str:
    if words[0] == "echo":
        return _echo(words[1:], region)
    if words[0] == "rollout":
        return _rollout(words[1:], region)
    if words[:4] == ["aws", "configure", "get", "region"]:
        return region
    if words[0] != "aws" or words[1] not in SERVICES:
        raise ValueError(f"not a command that is known here: {words}")
    return _aws(client(words[1]), words[2], words[3:], files)


def _echo(words: list[str], region: str) -> str:
    if "|" not in words:
        return " ".join(words)
    at = words.index("|")
    return _rollout(words[at + 2 :], region, " ".join(words[:at]))


def _rollout(words: list[str], region: str, given: str | None = None) -> str:
    environment = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    return CliRunner().invoke(app, [*words, "--region", region, "--json"], input=given, env=environment).stdout


def _aws(client: Any, operation: str, words: list[str], files: Mapping[str, bytes]) -> str:
    method = operation.replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    options = _options(words)
    query = options.pop("query", [None])[0]
    as_text = options.pop("output", [""])[0] == "text"
    members: Mapping[str, Any] = model.input_shape.members if model.input_shape else {}
    by_option = {xform_name(name, "-"): name for name in members}
    given = {by_option[name]: _value(members[by_option[name]], values, files) for name, values in options.items()}
    answer = getattr(client, method)(**given)
    found = jmespath.search(query, answer) if query else answer
    return _text(found) if as_text or isinstance(found, str) else json.dumps(found, default=str)


def _options(words: list[str]) -> dict[str, list[str]]:
    options: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            options[word[2:]] = []
        else:
            options[list(options)[-1]].append(word)
    return options


def _value(shape: Any, words: list[str], files: Mapping[str, bytes]) -> Any:
    """A parameter's value, by its type."""
    if shape.type_name == "list" and words[0][:1] != "[":
        return [_value(shape.member, [word], files) for word in words]
    (word,) = words
    if shape.type_name == "blob":
        return files[word.removeprefix("fileb://")]
    if shape.type_name in ("structure", "list", "map"):
        return json.loads(word) if word[:1] in "[{" else dict(part.split("=", 1) for part in word.split(","))
    return int(word) if shape.type_name in ("integer", "long") else word


def _text(value: Any) -> str:
    if isinstance(value, list):
        nested = any(isinstance(each, list) for each in value)
        return ("\n" if nested else "\t").join(_text(each) for each in value)
    return "None" if value is None else str(value)
