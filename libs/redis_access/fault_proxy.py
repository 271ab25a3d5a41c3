"""A TCP proxy in front of Redis that simulates network failures in tests."""

import contextlib
import enum
import select
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

LATE_SECONDS = 0.3
"""The delay of a late reply: longer than a client waits, but within its next attempt."""

_MAX_BYTES = 65536
_POLL_SECONDS = 0.05


class Fault(enum.Enum):
    """What happens to one command and its reply."""

    NONE = "answered at once"
    REQUEST_LOST = "lost before it reaches the server"
    REPLY_LOST = "carried out, never answered"
    REPLY_LATE = "carried out, answered too late"
    REPLY_CUT = "carried out, connection reset in the middle of the answer"
    REPLY_IN_BYTES = "answered one byte at a time"
    RESET_BEFORE = "connection reset before it reaches the server"
    RESET_AFTER = "connection reset after it was carried out"


class FaultProxy:
    """An address of Redis that may fail in every way that a network can."""

    def __init__(self, server_socket: Path) -> None:
        self._server_socket = server_socket
        self._port = 0
        self._stack = contextlib.ExitStack()
        self.choose_fault: Callable[[], Fault] = lambda: Fault.NONE
        """Called once per command, from several threads."""

    @property
    def url(self) -> str:
        """Return the URL of the proxy; its port never changes."""
        return f"redis://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Accept connections."""
        server = self._stack.enter_context(_Server(self._port, self._server_socket, self))
        self._port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(server.shutdown)
        self._stack.callback(server.closing.set)

    def close(self) -> None:
        """End all connections and refuse new ones."""
        self._stack.close()

    def swallow(self) -> None:
        """End all connections and let new ones wait for ever, as when a machine is gone."""
        self.close()
        address = ("127.0.0.1", self._port)
        self._stack.enter_context(socket.create_server(address, backlog=0))
        # Linux drops connections to a listener whose queue is full.
        for _ in range(2):
            filler = self._stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = False  # server_close() waits for every connection to end
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, server_socket: Path, proxy: FaultProxy) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.server_socket = server_socket
        self.proxy = proxy
        self.closing = threading.Event()


class _Connection(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(str(self.server.server_socket))
            self._forward(upstream)

    def _forward(self, upstream: socket.socket) -> None:
        """Forward commands and replies until one side ends the connection or a fault does."""
        fault = None  # of the command under way
        while not self.server.closing.is_set():
            readable, _, _ = select.select([self.request, upstream], [], [], _POLL_SECONDS)
            for source in readable:
                data = source.recv(_MAX_BYTES)
                if not data:
                    return
                fault = fault or self.server.proxy.choose_fault()
                if source is self.request and fault is Fault.RESET_BEFORE:
                    self._reset()
                    return
                if source is self.request and fault is not Fault.REQUEST_LOST:
                    upstream.sendall(data)
                if source is upstream:
                    if fault in (Fault.RESET_AFTER, Fault.REPLY_CUT):
                        self.request.sendall(data[: len(data) // 2 * (fault is Fault.REPLY_CUT)])
                        self._reset()
                        return
                    if fault is not Fault.REPLY_LOST:
                        self._reply(data, fault)
                        fault = None

    def _reply(self, data: bytes, fault: Fault) -> None:
        if fault is Fault.REPLY_LATE:
            self.server.closing.wait(LATE_SECONDS)
        size = 1 if fault is Fault.REPLY_IN_BYTES else len(data)
        for start in range(0, len(data), size):
            self.request.sendall(data[start : start + size])

    def _reset(self) -> None:
        no_linger = struct.pack("ii", 1, 0)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.request.close()


@contextlib.contextmanager
def fault_proxy(server_socket: Path) -> Iterator[FaultProxy]:
    """Run a proxy to the Redis on a Unix socket until the context ends."""
    proxy = FaultProxy(server_socket)
    proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()
