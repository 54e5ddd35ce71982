"""From lines to groups: failures get their messages, are compared with the base's, and take few bytes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from rollout.core.budget import size_of
from rollout.core.why import Group, Sample, Why
from rollout.core.why.access_log import Answer
from rollout.core.why.evidence import Arm, Evidence, explained, to_look_up, unplaced
from rollout.core.why.function_log import ErrorLine, Span
from rollout.core.why.messages import LONGEST_MESSAGE
from rollout.core.why.why import LARGEST

STREAM = "2026/03/02/[7]abc"


def failed(
    number: int, *, status: int = 502, route: str = "POST /orders", said: str = "", at: int | None = None
) -> Answer:
    name = str(number)
    return Answer(number if at is None else at, status, True, route, f"r{name}", f"f{name}", f"t{name}", said)


def raised(
    number: int, said: str = "KeyError: 'sku'", *, named: bool = True, stream: str = STREAM, at: int = 0
) -> ErrorLine:
    return ErrorLine(stream, "7", at or number, said, f"f{number}" if named else "", 3)


def test_failures_get_the_message_of_their_invocation_and_the_base_stands_beside_them() -> None:
    canary = Arm(
        [failed(number) for number in range(84)] + [failed(n, status=500) for n in range(84, 91)],
        [raised(n) for n in range(84)],
    )
    base = Arm([failed(number, status=500) for number in range(2_735)])
    first = explained(Evidence(canary, base))[0]
    assert "84 of 91 failures: POST /orders 502, KeyError: 'sku' (base: 0 of 2,735)" == str(first)
    assert ["r0", "r42", "r83"] == [sample.request_id for sample in first.samples]
    assert "t0" == first.samples[0].trace_id


def test_an_error_without_an_id_is_found_by_place_and_time() -> None:
    spans = {"f1": Span("s1", 100, 200), "f2": Span("s2", 100, 200), "f3": Span("s1", 300, 400)}
    errors = [raised(0, "one", named=False, stream="s1", at=150), raised(0, "two", named=False, stream="s2", at=150)]
    groups = explained(Evidence(Arm([failed(1), failed(2), failed(3)], errors), spans=spans))
    assert {("one", 1), ("two", 1), ("", 1)} == {(group.message, group.canary) for group in groups}


def test_a_failed_start_is_found_before_the_request_that_it_was_made_for() -> None:
    early = raised(0, "Runtime.ImportModuleError", named=False, at=9_000)
    reported = ErrorLine(STREAM, "7", 9_500, "Runtime.Unknown", "", 1)
    evidence = Evidence(Arm([failed(1)], [early, reported]), spans={"f1": Span(STREAM, 10_000, 10_050)})
    [group] = [each for each in explained(evidence) if each.status]
    assert ("POST /orders", 502, "Runtime.ImportModuleError") == (group.route, group.status, group.message)


def test_what_ended_an_invocation_tells_more_than_what_was_logged_in_it() -> None:
    logged = ErrorLine(STREAM, "7", 1, "retrying", "f1", 2)
    [group] = explained(Evidence(Arm([failed(1)], [logged, raised(1)])))
    assert "KeyError: 'sku'" == group.message


def test_what_the_base_has_too_stands_last() -> None:
    missing = [failed(number, status=404, said="no such order") for number in range(50)]
    canary = Arm([*missing, *(failed(100 + n, status=422, said="sku is required") for n in range(20))])
    base = Arm([failed(number, status=404, said="no such order") for number in range(900)])
    assert ["sku is required", "no such order"] == [group.message for group in explained(Evidence(canary, base))]


def test_without_an_access_log_the_functions_lines_are_the_groups() -> None:
    canary, base = Arm(errors=[raised(n) for n in range(5)]), Arm(errors=[raised(9, "TimeoutError")])
    [group] = explained(Evidence(canary, base))
    assert "5 of 5 errors in the function's log: KeyError: 'sku' (base: 0 of 1)" == str(group)


def test_lines_of_a_version_that_serves_both_are_given_to_nobody_without_an_id() -> None:
    evidence = Evidence(Arm([failed(1)]), Arm([failed(2)]), shared=[raised(7), raised(0, "MemoryError", named=False)])
    assert [""] == [group.message for group in explained(evidence)]
    assert [("KeyError: 'sku'", 1), ("MemoryError", 1)] == list(unplaced(evidence))


def test_only_server_errors_that_no_line_names_are_looked_up_and_a_bounded_number_spread_evenly() -> None:
    answers = [failed(number) for number in range(1_000)] + [failed(5_000, status=404)]
    kept, unknown = to_look_up(answers, [raised(0), raised(1, named=False)], 100)
    assert 98 <= len(unknown) <= 100
    assert int(unknown[-1].function_request_id[1:]) > 980
    assert len([each for each in kept if each.status == 502]) - len(unknown) <= 1
    assert answers[-1] in kept
    assert (answers, ()) == to_look_up(answers, [raised(0)], 100)


def test_where_lines_are_found_for_answers_what_else_is_logged_is_no_failure() -> None:
    handled = [raised(number, "handled") for number in range(100, 900)]
    evidence = Evidence(Arm([failed(1)], [raised(1), *handled]), shared=handled)
    assert ["KeyError: 'sku'"] == [group.message for group in explained(evidence)]
    assert [] == list(unplaced(evidence))


def test_where_no_id_of_the_access_log_is_one_of_the_functions_its_lines_are_told_apart() -> None:
    evidence = Evidence(Arm([failed(number) for number in range(3)], [raised(number + 100) for number in range(3)]))
    assert {("POST /orders", ""), ("", "KeyError: 'sku'")} == {
        (group.route, group.message) for group in explained(evidence)
    }


LINES = st.builds(
    ErrorLine,
    st.sampled_from(["a", "b"]),
    st.just("7"),
    st.integers(-(10**18), 10**18),
    st.text(min_size=1, max_size=9),
    st.sampled_from(["", "f1", "f2"]),
    st.integers(1, 3),
)
ANSWERS = st.builds(
    Answer,
    st.integers(-(10**18), 10**18),
    st.sampled_from([400, 404, 500, 502]),
    st.booleans(),
    st.sampled_from(["", "GET /"]),
    st.text(max_size=5),
    st.sampled_from(["", "f1", "f2"]),
    st.just(""),
    st.sampled_from(["", "no sku"]),
)
ARMS = st.builds(Arm, st.lists(ANSWERS, max_size=8), st.lists(LINES, max_size=8))


@given(ARMS, ARMS, st.lists(LINES, max_size=4))
def test_every_failed_answer_is_counted_once_whatever_was_read(canary: Arm, base: Arm, shared: list[ErrorLine]) -> None:
    evidence = Evidence(canary, base, shared, {"f1": Span("a", 0, 10)})
    groups = explained(evidence)
    assert len(canary.failures) == sum(group.canary for group in groups if group.status)
    assert all(group.canary <= group.canary_of and group.base <= group.base_of for group in groups)
    assert groups == explained(evidence)
    unplaced(evidence)


def test_it_takes_few_bytes_whatever_was_read() -> None:
    word = "\U0001f600" * LONGEST_MESSAGE
    sample = Sample("2026-03-02T12:00:00.000+00:00", "r" * 100, "t" * 100)
    group = Group("\U0001f600" * 120, 502, word, 10**6, 10**6, 10**6, 10**6, (sample,) * 9)
    why = Why(
        (group,) * 99,
        "2026-03-02T12:00:00+00:00",
        "2026-03-02T12:00:00+00:00",
        tuple(word * 9 + str(n) for n in range(99)),
    )
    document = why.bounded().to_document()
    assert size_of(document) <= LARGEST
    assert why.bounded() == Why.from_document(json.loads(json.dumps(document)))


def test_the_headline_is_the_most_telling_group_or_why_there_is_none() -> None:
    group = Group("POST /orders", 502, "KeyError: 'sku'", 84, 91, 0, 2_735)
    assert f"Why it failed: {group}" == Why((group,)).headline
    assert "Why it failed is not known: no permission" == Why.unread("no permission").headline
    assert "Why it failed: the logs have no failures of the candidate" == Why().headline
