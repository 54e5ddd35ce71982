"""The request as people write it: read, checked whole, and made into the values of the core.

model           the document's fields, and the request that they make
delivered       by hand, or by an event
targets         its `target` and `candidate`, by the kind of target
judge           its `judge` block
custom_metrics  its `metrics`
number          the one rule for numbers
validation      problems: where, what is wrong, what is allowed
schemas         the published JSON Schemas
"""

from __future__ import annotations

from rollout.request.model import parse_request, target_in

__all__ = ["parse_request", "target_in"]
