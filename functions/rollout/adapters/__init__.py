"""The outside: one file per service and role, each implementing a port. A new target or metric source is one new
file here and one line in a table of `wiring`."""
