"""Look up names without a cache, and without threads."""

from contextlib import closing
from typing import Any

from gevent.resolver import ares


class Resolver(ares.Resolver):  # type: ignore[misc]  # gevent has no types here
    """gevent's c-ares resolver, but it asks the name server each time.

    c-ares remembers an address for as long as the name server says, 600 s in a container. A server
    that is started again may have another address, which nobody would find until then. Making a new
    c-ares takes 30 µs; its cache cannot be turned off through gevent.
    """

    def getaddrinfo(self, *arguments: Any, **options: Any) -> Any:
        """Return the addresses of a host, as socket.getaddrinfo does."""
        with closing(ares.Resolver(self.hub)) as resolver:
            return resolver.getaddrinfo(*arguments, **options)
