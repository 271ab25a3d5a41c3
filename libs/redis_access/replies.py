"""Give the replies of Redis the types that they have."""


def text(reply: bytes | str) -> str:
    """Return a string reply, which redis-py types as either and our clients return as bytes."""
    return reply if isinstance(reply, str) else reply.decode()
