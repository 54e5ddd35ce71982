"""Preflight: whether a rollout can be made of a request, by what was observed. Pure: it calls nobody.

observations         what the adapters read
prospect             the rollout that would be made, by what it would be measured
checks               the table: what is looked for, why it matters, how to fix it
target_checks, measurement_checks, alarm_checks
                     the function of each check, by subject
result               the answer
explaining           which of the warnings says why a rollout is held

A new check is a row in `checks`, a function, and where it needs a new fact, a field of `Observations` (or of
`Inspection`, for how a target is built) that `tasks.observe_target` or an inspector fills; and a row in
`tests/workflow/test_preflight_conformance.py`, which plants the mistake and carries the fix out.
"""
