"""Thousands of rollouts broken on purpose, and the laws checked on each: `python -m benchmarks.chaos`."""
