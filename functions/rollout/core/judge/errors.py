"""What the judge refuses, and how it says so.

InvalidInput (ValueError)
├── InvalidSettings   a judge block, a plan or a replay document that cannot be meant
├── InvalidReading    a minute that cannot have happened
└── InvalidEvidence   a record that this judge did not write
"""


class InvalidInput(ValueError):
    """The judge was given something it will not guess about."""


class InvalidSettings(InvalidInput):
    """A setting is outside what is allowed.

    `field` is the path as it stands in the request ("judge.metrics[0].tolerance.relative"),
    `problem` what was found there and `allowed` what would be accepted.
    """

    def __init__(self, field: str, problem: str, allowed: str) -> None:
        super().__init__(f"{field}: {problem} (allowed: {allowed})")
        self.field = field
        self.problem = problem
        self.allowed = allowed


class InvalidReading(InvalidInput):
    """A count that cannot have happened; `where` names the minute, the metric and the arm."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class InvalidEvidence(InvalidInput):
    """The stored evidence is not of this rollout, or not of this version of the judge."""
