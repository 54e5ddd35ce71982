"""What is wrong with a document: each problem with the field's path, what is wrong and what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import log10
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from rollout.errors import Problem

MOST_PROBLEMS_SHOWN = 5
"""In the one-line message."""
_LONGEST_VALUE = 60
_MOST_BITS = 256
"""Of an integer that is shown: Python refuses to write one of more than 4,300 digits."""
_NOT_ALLOWED = "not_allowed"
_BELOW = "below"

Location = tuple[int | str, ...]


class Part(BaseModel):
    """A part of a document: names are camelCase, unknown fields are errors, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel, defer_build=True)


def not_allowed(allowed: str) -> PydanticCustomError:
    """The error of a validator that has found a value which is not what is allowed."""
    return PydanticCustomError(_NOT_ALLOWED, "input should be {allowed}", {"allowed": allowed})


def misfit(*problems: Problem) -> PydanticCustomError:
    """The error of a validator of a whole part that finds these problems; their paths begin below that part."""
    return PydanticCustomError(_BELOW, "{count} problems", {"count": len(problems), "problems": list(problems)})


def raise_problems(problems: Iterable[Problem]) -> None:
    """Let a validator of a whole part refuse it, if there are problems.

    Raises: PydanticCustomError.
    """
    if found := list(problems):
        raise misfit(*found)


def problems_of(error: ValidationError, unknown: Callable[[Location], Problem], whole: str) -> list[Problem]:
    """All problems, in the order of the fields.

    unknown: what is wrong with a field that the models do not have. whole: what the document is called where a problem
    has no path.
    """
    return [problem for detail in error.errors(include_url=False) for problem in _problems(detail, unknown, whole)]


def in_one_line(problems: Sequence[Problem]) -> str:
    """The first few problems."""
    shown = "; ".join(str(problem) for problem in problems[:MOST_PROBLEMS_SHOWN])
    more = len(problems) - MOST_PROBLEMS_SHOWN
    return shown + (f"; and {more} more" if more > 0 else "")


def unknown_in(model: type[BaseModel]) -> Callable[[Location], Problem]:
    """What is wrong with a field that this model does not have."""
    return lambda location: unknown_field(location, fields(model, location[:-1]))


def unknown_field(location: Location, allowed: Sequence[str], problem: str = "unknown field; allowed are") -> Problem:
    """The problem of a field that is none of those allowed, with the one that is probably meant."""
    meant = near(location[-1], allowed)
    return Problem(path_of(location), f"{problem} {', '.join(allowed)}", tuple(allowed), meant)


def path_of(location: Location) -> str:
    """The path as people write it: `plan.steps[0].weightPercent`. A name that somebody has made up is cut short."""
    names = (f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in location)
    return "".join(names).lstrip(".")


def got(value: object) -> str:
    """The end of a message that shows the value at fault."""
    return f", got {shown(value)}"


def shown(value: object) -> str:
    """The value, cut short."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"a number of about {round(value.bit_length() * log10(2))} digits"
    try:
        text = repr(value)
    except ValueError:  # such a number is somewhere within
        return "what cannot be shown"
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}…"


def near(name: object, allowed: Sequence[str]) -> str | None:
    """The one of these that is probably meant by a name."""
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    folded = {each.casefold(): each for each in allowed}
    found = get_close_matches(str(name)[:100].casefold().replace("_", ""), folded, n=1)
    return folded[found[0]] if isinstance(name, str) and found else None


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
    return [field.alias or name for name, field in model.model_fields.items() if not field.exclude]


def _problems(detail: Any, unknown: Callable[[Location], Problem], whole: str) -> list[Problem]:
    path, context = path_of(detail["loc"]), detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return [unknown(detail["loc"])]
        case "missing":
            return [Problem(path, "required")]
        case _ if detail["type"] == _BELOW:
            return [problem.below(path) for problem in context["problems"]]
        case "literal_error" | "enum":
            return [_choice(path or whole, context["expected"], detail["input"])]
        case "model_type" | "dict_type":
            return [Problem(path or whole, f"input should be an object{got(detail['input'])}")]
        case "too_short" | "string_too_short" if context["min_length"] == 1:
            return [Problem(path or whole, "must not be empty")]
        case "too_long":
            found, most = context["actual_length"], context["max_length"]
            return [Problem(path or whole, f"has {found} entries, at most {most} are allowed")]
        case "string_unicode":
            return [Problem(path or whole, f"is not valid Unicode text{got(detail['input'])}")]
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            allowed = (context["allowed"],) if detail["type"] == _NOT_ALLOWED else ()
            return [Problem(path or whole, f"{message[:1].lower()}{message[1:]}{got(detail['input'])}", allowed)]


def _choice(path: str, expected: str, value: object) -> Problem:
    allowed = tuple(each.strip("'") for each in expected.replace(" or ", ", ").split(", "))
    return Problem(path, f"input should be {expected}{got(value)}", allowed, near(value, allowed))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_in(argument)) is not None:
            return found
    return None
