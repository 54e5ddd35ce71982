"""Rollout Pilot: self-driving canary rollouts for Amazon API Gateway stages and AWS Lambda aliases.

A layer imports those above it in this list, and none below (tests/architecture/test_layers.py):

errors        what can go wrong; imports nothing of the product
core          what is decided, and why: pure values and functions
ports         what the core needs from the outside, by role
request       the document that people write, made into values of the core
cockpit       what people see: pure, made of values of the core
adapters      the outside: API Gateway, Lambda, CloudWatch, DynamoDB, EventBridge, Step Functions
tasks         one use case per state of the workflow, written against the ports
telemetry     the controller's own metrics
logs          log lines
wiring        the only place that reads the environment and makes clients
task_handler  what every task's Lambda handler has in common
"""
