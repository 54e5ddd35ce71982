"""What a person is shown of a probe."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table

from rollout.core.texts import one_line
from rollout_cli.account_probe.answer import Answer
from rollout_cli.account_probe.questions import QUESTIONS
from rollout_cli.account_probe.running import Answers

Json = dict[str, Any]


def document(answers: Answers, name: str, probed_at: datetime) -> Json:
    """What is stored, and printed with --json: the values by question, None where the account did not tell."""
    return {
        "name": name,
        "probedAt": probed_at.isoformat(),
        "answers": {each.id: answers[each.id].value for each in QUESTIONS},
    }


def full_document(answers: Answers, name: str, probed_at: datetime) -> Json:
    """The same with what was believed, whether it differs, and what was seen."""
    questions = [
        {
            "id": each.id,
            "asks": each.asks,
            "answer": answers[each.id].value,
            "believed": each.believed,
            "differs": each.differs(answers[each.id]),
            "changes": each.consequence(answers[each.id]),
            "detail": answers[each.id].detail,
        }
        for each in QUESTIONS
    ]
    return {**document(answers, name, probed_at), "questions": questions}


def table(answers: Answers) -> Table:
    """Question by question; what differs from what the product believes is marked."""
    shown = Table(box=box.SIMPLE_HEAD, expand=True)
    for heading in ("question", "this account", "believed", "what that changes"):
        shown.add_column(heading, overflow="fold")
    for question in QUESTIONS:
        answer = answers[question.id]
        style = "yellow" if question.differs(answer) else "dim" if answer.value is None else ""
        shown.add_row(
            question.asks,
            _cell(question.shown(answer.value), answer),
            question.shown(question.believed),
            question.consequence(answer),
            style=style,
        )
    return shown


def _cell(value: str, answer: Answer) -> str:
    return one_line(f"{value} ({answer.detail})" if answer.detail else value)
