"""Why a candidate failed: from its log lines to a few groups of failures, each with what the base had of the same.

Law: what people are shown of a log is short, has no secret that can be recognised, and is the same for the same lines.
Whatever stands in a log, nothing here raises. A body is never looked at.
"""

from rollout.core.why.access_log import AccessLogFormat, Answer
from rollout.core.why.evidence import Arm, Evidence, explained, to_look_up, unplaced
from rollout.core.why.function_log import ERRORS, MOST_NAMED, ErrorLine, LogLine, Span, errors_in, naming, spans_in
from rollout.core.why.messages import LONGEST_MESSAGE, normalised
from rollout.core.why.why import Group, Sample, Why

__all__ = [
    "ERRORS",
    "LONGEST_MESSAGE",
    "MOST_NAMED",
    "AccessLogFormat",
    "Answer",
    "Arm",
    "ErrorLine",
    "Evidence",
    "Group",
    "LogLine",
    "Sample",
    "Span",
    "Why",
    "errors_in",
    "explained",
    "naming",
    "normalised",
    "spans_in",
    "to_look_up",
    "unplaced",
]
