"""Messages as they may be shown: the same reason gives the same words, and no planted secret comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.why.messages import LONGEST_MESSAGE, normalised

SECRETS = (
    "hunter2",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    "ada.lovelace@example.com",
    "8f14e45f-ceea-467a-9f3c-0123456789ab",
    "correcthorse",
    "4111 1111 1111 1111",
    "4111111111111111",
    "d41d8cd98f00b204e9800998ecf8427e",
)

PLAIN = ("hunter2", "correcthorse")
"""Secrets that look like words: only where they stand tells."""


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'sku'",
        "KeyError: 'DB_PASSWORD'",
        "Runtime.ImportModuleError: Unable to import module 'app': No module named 'requests'",
        "Runtime exited with error: signal: killed",
        "TypeError: Cannot read properties of undefined (reading 'sku')",
        "The security token included in the request is expired",
        "password incorrect",
        "the handler passed no argument",
    ],
)
def test_a_message_without_data_stays_as_it_is(text: str) -> None:
    assert text == normalised(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Task timed out after 3.00 seconds", "Task timed out after 29.01 seconds"),
        ("no order 17", "no order 4,711"),
        ("no order 8f14e45f-ceea-467a-9f3c-0123456789ab", "no order 00000000-0000-0000-0000-000000000001"),
        ("no customer ada@example.com", "no customer grace.hopper@example.org"),
        ("cannot reach 10.0.0.1:5432", "cannot reach 192.168.17.4:5432"),
        ("GET https://pay.example/charge?card=1 failed", "GET https://pay.example/refund?card=2 failed"),
        ("bad value 'x' at 0x7f3a5c001230", "bad value 'x' at 0x7f3a5c00beef"),
    ],
)
def test_the_same_reason_has_the_same_words_for_every_request(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "frame",
    [
        "password={} was refused",
        "login failed: Password: {}",
        "{{'api_key': '{}', 'order': 'a'}}",
        '{{"clientSecret": "{}"}}',
        "Authorization: Bearer {}",
        "authorization header is {}",
        "cannot open https://me:{}@db.example/orders",
        "cannot open https://db.example/orders?token={}",
        "the session_id={}; path=/",
        'partner answered 400 to "{{\\"password\\":\\"{}\\",\\"user\\":\\"x\\"}}"',
        'upstream said {{\\\\\\"token\\\\\\": \\\\\\"{}\\\\\\"}}',
        "db_pass={} refused",
        "PGPASS={}",
        "passcode: {}",
        "otp={}",
        "x-api-key {}",
        "{{'password': {{'S': '{}'}}}}",
        '{{"secret": {{"S":"{}"}}}}',
    ],
)
def test_what_stands_where_a_secret_stands_never_comes_out(frame: str, secret: str) -> None:
    for part in secret.split():
        assert part not in normalised(frame.format(secret))


@pytest.mark.parametrize("password", ["Sum/mer", "Sum?mer", "Sum#mer", "Sum@mer", "Sum:mer", "correct/h@rse?b"])
@pytest.mark.parametrize("user", ["app", "", "ada@example.com"])
@pytest.mark.parametrize("host", ["db.internal:5432/orders", "db.internal", "10.0.0.7:6379?db=1"])
def test_no_password_in_an_address_comes_out_whatever_is_in_it(password: str, user: str, host: str) -> None:
    shown = normalised(f"could not connect to postgres://{user}:{password}@{host} now")
    assert [part for part in ("Sum", "mer", "correct", "rse") if part in shown] == []
    assert shown.startswith("could not connect to postgres://")
    assert shown.endswith(" now")


@pytest.mark.parametrize("secret", [each for each in SECRETS if each not in PLAIN])
@pytest.mark.parametrize("frame", ["failed for {}", "({})", "x {} y", "'{}' is unknown", "a={}"])
def test_what_looks_like_a_secret_never_comes_out(frame: str, secret: str) -> None:
    for part in secret.split():
        assert part not in normalised(frame.format(secret))


@given(
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    secret=st.sampled_from([each for each in SECRETS if each not in PLAIN]),
)
def test_no_text_around_it_lets_a_secret_out(before: str, after: str, secret: str) -> None:
    assert secret not in normalised(f"{before} {secret} {after}")


@given(st.text())
def test_every_message_is_one_short_visible_line_and_always_the_same(text: str) -> None:
    shown = normalised(text)
    assert len(shown) <= LONGEST_MESSAGE
    assert shown.isprintable()
    assert shown == normalised(text)


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "a1" * 50_000, "token=" * 20_000, "1 " * 50_000, "://@" * 30_000, "'" * 9_999]
)
def test_a_message_of_any_length_is_read_in_no_time(text: str) -> None:
    assert len(normalised(text)) <= LONGEST_MESSAGE
