"""Why a candidate failed: from its log lines to a few groups of failures, each with what the base had of the same.

Law: what people are shown of a log is short, has no secret that can be recognised, and is the same for the same lines.
Whatever stands in a log, nothing here raises. A body is never looked at.

Here is what a rollout's record has. What reads the logs is in the modules beside it: only one task needs that.
"""

from rollout.core.why.why import Group, Sample, Why

__all__ = ["Group", "Sample", "Why"]
