"""A TCP proxy in front of Redis that simulates network failures in tests."""

import contextlib
import enum
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

LATE_SECONDS = 0.3
"""The delay of a late reply: longer than a client waits, but within its next attempt."""

_MAX_BYTES = 65536  # more than any command or reply of these tests


class Fault(enum.Enum):
    """What happens to one command and its reply."""

    NONE = "answered at once"
    REPLY_LOST = "carried out, never answered"
    REPLY_LATE = "carried out, answered too late"
    RESET_BEFORE = "connection reset before it reaches the server"
    RESET_AFTER = "connection reset after it was carried out"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = False  # server_close() waits for every connection to end
    request_queue_size = 128

    def __init__(self, server_socket: Path, choose_fault: Callable[[], Fault]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.server_socket = server_socket
        self.choose_fault = choose_fault
        self.closing = threading.Event()


class _Connection(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(str(self.server.server_socket))
            while command := self.request.recv(_MAX_BYTES):
                fault = self.server.choose_fault()
                if fault is Fault.RESET_BEFORE:
                    self._reset()
                    break
                upstream.sendall(command)
                reply = upstream.recv(_MAX_BYTES)
                if fault is Fault.RESET_AFTER:
                    self._reset()
                    break
                if fault is Fault.REPLY_LATE:
                    self.server.closing.wait(LATE_SECONDS)
                if fault is not Fault.REPLY_LOST:
                    self.request.sendall(reply)

    def _reset(self) -> None:
        no_linger = struct.pack("ii", 1, 0)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.request.close()


@contextlib.contextmanager
def fault_proxy(server_socket: Path, choose_fault: Callable[[], Fault]) -> Iterator[str]:
    """Run a proxy to the Redis on a Unix socket until the context ends; yield the proxy's URL.

    The proxy calls choose_fault once per command, from several threads.
    """
    with _Server(server_socket, choose_fault) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}"
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
