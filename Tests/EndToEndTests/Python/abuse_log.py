"""Attacks on the log: its pipe stays open, and nobody reads it."""

from abuse_harness import attack
from abuse_http2 import Connection, Crowd, call_frames, field, header_block


@attack("log-unread", "log", row=11, seconds=10, short_seconds=1.5, unread_log=True,
        environment=(("LOG_LEVEL", "debug"),))
def log_unread(context):
    """Standard error is a pipe that nobody reads, and each call is logged; at the end SIGTERM has to work."""
    block, body = header_block("Get"), field(1, b"fresh")

    def refill(connection):
        if connection.open_calls >= 20:
            return b""
        connection.open_calls += 1
        return call_frames(connection.stream(), block, body)

    def on_end(connection, _):
        connection.open_calls -= 1

    def make():
        connection = Connection(context.port, refill=refill, source=context.source)
        connection.open_calls, connection.on_end = 0, on_end
        return connection

    crowd = Crowd(make, 2)
    crowd.run(context.until)
    context.note(f"{sum(c.ended for c in crowd.members.values())} calls answered")
