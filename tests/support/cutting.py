"""A way to a server on loopback that is cut at random points, seeded, as a bad line is."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_PIECE = 1 << 14
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: the other side sees a reset, not an end


@dataclass
class Line:
    """A running way. Each connection is cut after up to `most` bytes of both directions; `cuts` counts them."""

    most: int
    seed: int
    address: str = ""
    cuts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - so that the seed decides

    def carry(self, client: socket.socket, server: socket.socket) -> None:
        """Carry bytes both ways until one side ends, or the line is cut."""
        left = [self.chance.randrange(1, self.most)]
        sides = [(client, server), (server, client)]
        threads = [threading.Thread(target=self._carry, args=(*side, left), daemon=True) for side in sides]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in (client, server):
            each.close()

    def _carry(self, source: socket.socket, sink: socket.socket, left: list[int]) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                with self.lock:
                    part, left[0] = piece[: max(left[0], 0)], left[0] - len(piece)
                sink.sendall(part)
                if len(part) < len(piece):
                    self.cuts += 1
                    for each in (source, sink):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                    break
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def to(address: str, *, most: int, seed: int) -> Iterator[Line]:
    """Lead connections on to the server at `address` until the block ends."""
    host, _, port = address.partition(":")
    line = Line(most=most, seed=seed)
    listener = socket.create_server(("127.0.0.1", 0))
    line.address = f"127.0.0.1:{listener.getsockname()[1]}"

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((host, int(port)))
                threading.Thread(target=line.carry, args=(client, server), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
