"""One use case per state of the workflow, and those that wake it; written against the ports alone."""
