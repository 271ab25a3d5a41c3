"""A test of looking up names, in a process of its own because gevent has one resolver in each."""

import os
import socketserver
import subprocess
import sys
import threading

LOOK_UP_TWICE = """
import gevent
from libs.flask_service.resolver import Resolver

gevent.config.resolver = Resolver
for _ in range(2):
    (*_, (address, _)), = gevent.socket.getaddrinfo("redis-service", 1, gevent.socket.AF_INET, 1)
    print(address)
"""


def test_should_find_the_address_that_a_server_has_now() -> None:
    # Given
    addresses = iter([b"\x0a\0\0\1", b"\x0a\0\0\2"])

    class NameServer(socketserver.BaseRequestHandler):
        """Answers each question with the next address, which it says is valid for 600 s."""

        def handle(self) -> None:
            query, socket = self.request
            answer = b"\xc0\x0c\0\1\0\1" + (600).to_bytes(4, "big") + b"\0\4" + next(addresses)
            question = query[12 : query.index(b"\0", 12) + 5]
            head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
            socket.sendto(head + question + answer, self.client_address)

    # When
    with socketserver.UDPServer(("127.0.0.1", 0), NameServer) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        environment = {
            **os.environ,
            "GEVENT_RESOLVER_NAMESERVERS": "127.0.0.1",
            "GEVENTARES_UDP_PORT": str(server.server_address[1]),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        command = [sys.executable, "-c", LOOK_UP_TWICE]
        try:
            run = subprocess.run(command, env=environment, capture_output=True, check=False)
        finally:
            server.shutdown()

    # Then
    assert run.stdout.decode().split() == ["10.0.0.1", "10.0.0.2"], run.stderr.decode()
