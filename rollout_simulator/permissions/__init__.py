"""IAM for the embedded AWS: what the functions and the workflow call is checked against the template's own policies.

moto checks none of it. Here a call that the role's policies do not allow is refused as AWS refuses it, in every
scenario and test; and what was allowed by which statement is kept, so that a permission nobody uses can be told.
"""
