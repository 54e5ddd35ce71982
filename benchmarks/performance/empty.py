"""A handler that does nothing: what the runtime itself takes."""


def handler(_event: object, _context: object) -> dict[str, bool]:
    """Nothing."""
    return {"done": True}
