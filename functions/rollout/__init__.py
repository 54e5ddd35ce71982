"""Rollout Pilot: self-driving canary rollouts for Amazon API Gateway stages and AWS Lambda aliases.

core      what is decided, and why: pure values and functions
ports     what the core needs from the outside, by role
adapters  the outside: API Gateway, Lambda, CloudWatch, DynamoDB, EventBridge, Step Functions
tasks     one use case per state of the workflow, written against the ports
wiring    the only place that reads the environment and makes clients
"""
