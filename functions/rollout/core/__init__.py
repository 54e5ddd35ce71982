"""What is decided, and why. No boto3, no clock, no environment, no logging, no randomness in here."""
