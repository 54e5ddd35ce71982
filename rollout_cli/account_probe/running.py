"""A probe from beginning to end: make, ask, and remove whatever happens."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from botocore.exceptions import ClientError

from rollout_cli.account_probe.access import DENIED, Access, code_of
from rollout_cli.account_probe.answer import Answer
from rollout_cli.account_probe.metrics import observed_traffic
from rollout_cli.account_probe.questions import OF_RESOURCES, OF_TRAFFIC
from rollout_cli.account_probe.removal import remove
from rollout_cli.account_probe.subject import Subject

UNANSWERED_SECONDS = 10.0
"""A call whose answer nobody waited for may still be carried out; it is looked for once more after so long."""

Answers = Mapping[str, Answer]
"""By the question's id."""


class NotRemoved(Exception):
    """A probe that did not come to its end has left something; `left` says what, with AWS's words."""

    def __init__(self, left: list[str]) -> None:
        super().__init__("; ".join(left))
        self.left = left


def probe(access: Access, name: str, role_arn: str | None, say: Callable[[str], None]) -> tuple[Answers, Sequence[str]]:
    """Ask everything on what is made by this name, and remove it: the answers, and what could not be removed.

    Raises: NotRemoved, KeyboardInterrupt (after removing), ClientError (the same).
    """
    subject = Subject(access, name, role_arn)
    with _terminated_as_interrupted(), _removed_at_the_end(subject, say) as left:
        say(f"making {name}")
        subject.make()
        answers = _asked(subject, say)
    return answers, left


@contextmanager
def _removed_at_the_end(subject: Subject, say: Callable[[str], None]) -> Iterator[list[str]]:
    """Yields the list of what is left; it is filled at the end.

    Raises: NotRemoved, in place of what has ended the probe before that.
    """
    left: list[str] = []
    try:
        yield left
    except BaseException:
        if _remove(subject, say, left, again=True):
            raise NotRemoved(left) from None
        raise
    _remove(subject, say, left, again=False)


def _asked(subject: Subject, say: Callable[[str], None]) -> Answers:
    """The answer to each question. One that AWS answers in an unforeseen way stays open; the others are asked.

    Raises: ClientError (a permission is missing).
    """
    answers = {}
    for question in OF_RESOURCES:
        say(question.asks)
        with _left_open() as unforeseen:
            answers[question.id] = question.ask(subject)
        answers.setdefault(question.id, Answer(None, "".join(unforeseen)))
    say("Requests of its own, and their metrics; this takes most of the time")
    with _left_open() as unforeseen:
        traffic = observed_traffic(subject)
        answers |= {question.id: question.ask(traffic) for question in OF_TRAFFIC}
    for each in OF_TRAFFIC:
        answers.setdefault(each.id, Answer(None, "".join(unforeseen)))
    return answers


@contextmanager
def _left_open() -> Iterator[list[str]]:
    """Yields a list to which AWS's words are added when it refuses something that no question foresees."""
    said: list[str] = []
    try:
        yield said
    except ClientError as error:
        if code_of(error) in DENIED:
            raise
        said.append(str(error))


def _remove(subject: Subject, say: Callable[[str], None], left: list[str], *, again: bool) -> bool:
    """Adds what is left to the list; whether anything is. `again`: a call may have ended without its answer."""
    with _undisturbed():
        say(f"removing {subject.name}")
        kinds = frozenset(subject.attempted)
        found = remove(subject.access, subject.name, kinds)
        if again and kinds:
            subject.access.sleep(UNANSWERED_SECONDS)
            found = remove(subject.access, subject.name, kinds)
        left += found
    return bool(found)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the probe as Ctrl-C does: it removes what it has made."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C does not stop the removal."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
