"""What is wrong with a document, in one line: each field at fault, what is wrong with it, and what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

MOST_PROBLEMS_SHOWN = 5
WITH_PATH = "with_path"
"""The type of an error found in a whole part, whose message begins with the field below it that is at fault."""

Location = tuple[int | str, ...]


class Part(BaseModel):
    """A part of a document: names are camelCase, unknown fields are errors, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


def explained(error: ValidationError, unknown: Callable[[Location], str], whole: str = "request") -> str:
    """The first few problems; `unknown` says what is wrong with a field that is none, `whole` is what this all is."""
    problems = [_problem(detail, unknown, whole) for detail in error.errors(include_url=False)]
    shown = "; ".join(problems[:MOST_PROBLEMS_SHOWN])
    more = len(problems) - MOST_PROBLEMS_SHOWN
    return shown + (f"; and {more} more" if more > 0 else "")


def unknown_in(model: type[BaseModel]) -> Callable[[Location], str]:
    """What is wrong with a field that this model does not have."""

    def unknown(location: Location) -> str:
        return f"unknown field; allowed are {', '.join(fields(model, location[:-1]))}"

    return unknown


def got(value: Any) -> str:
    """The value at fault, cut short."""
    text = repr(value)
    return f", got {text if len(text) <= 60 else text[:57] + '…'}"


def fields(model: type[BaseModel], path: Iterable[int | str]) -> list[str]:
    """The fields at this place of a document, by walking the models along the path; none if there is no such place."""
    for part in path:
        if isinstance(part, int):
            continue
        known = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = _model_in(known[part].annotation) if part in known else None
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _problem(detail: Any, unknown: Callable[[Location], str], whole: str) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    match detail["type"]:
        case "extra_forbidden":
            return f"{path}: {unknown(detail['loc'])}"
        case "missing":
            return f"{path}: required"
        case _ if detail["type"] == WITH_PATH:
            return f"{path}.{detail['msg']}".lstrip(".")
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            return f"{path or whole}: {message[:1].lower()}{message[1:]}{got(detail['input'])}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_in(argument)) is not None:
            return found
    return None
