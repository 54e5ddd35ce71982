"""IAM for the embedded AWS: calls of the functions and the workflow are checked against the template's policies.

moto checks no policies of roles. Here a call that the role's policies do not allow is refused as by AWS, in every
scenario and test. Which statement allowed what is recorded, so that a test finds permissions that nobody uses.
"""
