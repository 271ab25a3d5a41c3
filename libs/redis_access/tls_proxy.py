"""A TLS endpoint in front of Redis for tests, because the embedded server has no TLS."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import trustme

_MAX_BYTES = 65536


@contextlib.contextmanager
def tls_proxy(server_socket: Path, certificate: trustme.LeafCert) -> Iterator[int]:
    """Forward TLS connections to the server at server_socket until the context ends.

    Yields a port on 127.0.0.1. Every request and every reply must be shorter than 16 KB. Close all
    clients before the context ends.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(tls)

    class Connection(socketserver.BaseRequestHandler):
        """Forwards a request, then its reply, and so on."""

        def handle(self) -> None:
            # OSError: the client refuses the certificate, or goes away.
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as server:
                server.connect(str(server_socket))
                with tls.wrap_socket(self.request, server_side=True) as client:
                    while request := client.recv(_MAX_BYTES):
                        server.sendall(request)
                        client.sendall(server.recv(_MAX_BYTES))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()
            thread.join()
