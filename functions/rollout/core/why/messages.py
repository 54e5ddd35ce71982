"""An error's message as it may be shown: what tells one request from another is taken out, and what may be a secret.

Two requests that failed for the same reason then have the same message. The order of the steps matters: what a secret
looks like is recognised before its digits are taken out.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_MESSAGE = 240
_LONGEST_READ = 2_000
"""Characters of a message that are looked at; the time of all that follows is bounded by it."""

LEFT_OUT = "‹…›"
NUMBER = "#"

_SECRET_WORD = (
    r"(?:secret|token|passw(?:or)?d|passphrase|passcode|(?<![a-z])pass\b|pgpass|pwd|\botp\b|"
    r"api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|account[-_ ]?key|"
    r"authorization|credentials?|cookie|session[-_ ]?id|signature|\bpin\b|\bsid\b)"
)
_TYPED = r"(?:\{\s*['\"]?\w{1,4}['\"]?\s*[:=]\s*)?"
"""DynamoDB's form of a value names its type before it: `{'S': 'x'}`."""
_VALUE = rf"{_TYPED}(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&}}\])]+)"
_API_KEY = r"\b[\w-]{0,40}api[-_]?key"
_SCHEME = r"\b([a-z][a-z0-9+.-]{0,20}://)"
_STEPS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN.*"), LEFT_OUT),
    (re.compile(r"\b(bearer|basic|digest|negotiate)\s+\S+", re.IGNORECASE), rf"\1 {LEFT_OUT}"),
    # "password=x", "'token': 'x'", "secret is x", and "password x" where x has a digit
    (
        re.compile(
            rf"([\w-]{{0,40}}{_SECRET_WORD}[\w-]{{0,40}}(?:\s\w{{1,20}})?['\"]?)(\s*(?:=>|[:=])\s*|\s+is\s+){_VALUE}",
            re.IGNORECASE,
        ),
        rf"\1\2{LEFT_OUT}",
    ),
    (re.compile(rf"({_SECRET_WORD}\s+)(?=\S{{0,200}}\d)\S+", re.IGNORECASE), rf"\1{LEFT_OUT}"),
    (re.compile(rf"({_API_KEY}\s+)\S+", re.IGNORECASE), rf"\1{LEFT_OUT}"),
    # An address keeps its host: neither user and password, nor path and query. Where it cannot be told where a password
    # ends, because it has a character that ends a host, nothing of the address is kept.
    (re.compile(rf"{_SCHEME}[^\s@]{{0,1000}}@\S*", re.IGNORECASE), rf"\1{LEFT_OUT}"),
    (re.compile(rf"{_SCHEME}([^\s/?#:'\"<>)\]]*(?::\d{{1,5}}(?!\d))?)[^\s'\"<>)\]]*", re.IGNORECASE), r"\1\2"),
    (re.compile(r"[\w.+-]{1,100}@[\w-]{1,100}(?:\.[\w-]{1,100}){0,10}"), LEFT_OUT),
    (re.compile(r"\beyJ[\w-]+(?:\.[\w-]*)*"), LEFT_OUT),
    (re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA|ANPA|AGPA)[A-Z0-9]{8,}"), LEFT_OUT),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), LEFT_OUT),
    (re.compile(r"\b(?:0x)?(?=[a-f]{0,200}\d)[0-9a-f]{8,}\b", re.IGNORECASE), LEFT_OUT),
    # Long words with digits, and very long ones without, are no words.
    (re.compile(r"(?<![\w+/=])(?=[A-Za-z_+/=-]{0,200}\d)[\w+/=-]{20,}"), LEFT_OUT),
    (re.compile(r"(?<![\w+/=])[\w+/=-]{60,}"), LEFT_OUT),
    (re.compile(r"\b(?=[A-Za-z_]{0,200}\d[A-Za-z_]{0,200}\d)(?=\w{0,200}[A-Za-z])\w{8,}\b"), LEFT_OUT),
    # Long texts in quotes are data; short ones are names, such as 'sku'.
    (re.compile(r"'[^']{41,}'"), f"'{LEFT_OUT}'"),
    (re.compile(r'"[^"]{41,}"'), f'"{LEFT_OUT}"'),
    (re.compile(r"(?<![A-Za-z_])\d+(?:[.,:]\d+)*"), NUMBER),
    (re.compile(r"\d{3,}"), NUMBER),
    (re.compile(rf"{NUMBER}(?:[-/. ]?{NUMBER})+"), NUMBER),
)

_QUOTED = re.compile(r"\\+(?=[\"'])")
"""What stands before the quotes of JSON within a text."""


@lru_cache(maxsize=1_024)
def normalised(text: str) -> str:
    """The message on one line, without numbers, ids, addresses and what looks like a secret, cut to its length.

    "" for a text that has nothing to show.
    """
    if not text:
        return ""
    one_line = _QUOTED.sub("", " ".join(_printable(text[:_LONGEST_READ]).split()))
    for pattern, shown in _STEPS:
        one_line = pattern.sub(shown, one_line)
    return one_line if len(one_line) <= LONGEST_MESSAGE else f"{one_line[: LONGEST_MESSAGE - 1]}…"


def _printable(text: str) -> str:
    """The text with a space for each character that acts, hides or is none."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)
