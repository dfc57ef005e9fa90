"""Attacks by connections: too many, too slow, half open, and closed as soon as they are open."""

import time

from abuse_harness import attack
from abuse_http2 import (
    ACK, CONTINUATION, DATA, END_HEADERS, GOAWAY, HEADERS, PREFACE, SETTINGS, Connection, Crowd, call_frames, field, frame,
    header_block, literal, message, settings)


def hold(context, make, count, reopens_per_second=0, tick=None, every=1.0):
    crowd = Crowd(make, 0, reopens_per_second)
    # Not all at once: this does not test the backlog of the listening socket.
    for number in range(count):
        if context.remaining() <= 0:
            break
        crowd.open()
        if number % 50 == 49:
            crowd.step(0)
    crowd.run(context.until, tick and (lambda: tick(crowd)), every)
    return crowd


@attack("too-many", "connections", row=10, seconds=20, short_seconds=2,
        wrapper=("prlimit", "--nofile=1024:1024"), idle_cpu=0.4, log_lines=40)
def too_many(context):
    """1,300 connections of one client to a server that may have 1,024 descriptors; they answer PINGs, and stay."""
    crowd = hold(context, lambda: Connection(context.port, source=context.source), 1_300)
    served = sum(connection.next_stream >= 1 and not connection.output for connection in crowd.members.values())
    context.note(f"{len(crowd.members)} held, {crowd.cuts} cuts, {crowd.refused} refused, {served} took the preface")


@attack("too-many-silent", "connections", row=10, seconds=20, short_seconds=2,
        wrapper=("prlimit", "--nofile=1024:1024"), idle_cpu=0.4, log_lines=40)
def too_many_silent(context):
    """1,300 connections that send nothing, and are opened again when they are cut."""
    crowd = hold(context, lambda: Connection(context.port, first=b"", source=context.source, answers=False),
                 1_300, 200)
    context.note(f"{len(crowd.members)} held, {crowd.cuts} cuts, {crowd.refused} refused")


@attack("idle-streams", "connections", seconds=15, short_seconds=3, is_about_memory=True)
def idle_streams(context):
    """5,000 connections (500 in the short form) that each hold a stream on which nothing comes."""
    def make():
        connection = Connection(context.port, source=context.source)
        connection.push(frame(HEADERS, END_HEADERS, connection.stream(), header_block("Set")))
        return connection

    crowd = hold(context, make, context.choose(5_000, 500))
    context.note(f"{len(crowd.members)} held, {crowd.cuts} cuts, {crowd.refused} refused")


@attack("unread-calls", "connections", seconds=20, short_seconds=3,
        wrapper=("prlimit", "--nofile=1024:1024"), idle_cpu=0.4, log_lines=40)
def unread_calls(context):
    """Connections from two addresses, for all descriptors, each with an answered call whose body it never reads."""
    count = [0]

    def make():
        count[0] += 1
        source = f"127.0.3.{1 + count[0] % 2}"
        connection = Connection(context.port, source=source, first=PREFACE + settings([(4, 0)]))
        connection.push(call_frames(connection.stream(), header_block("Health"), b""))
        return connection

    crowd = hold(context, make, 1_300, 50)
    context.note(f"{len(crowd.members)} held, {crowd.cuts} cuts, {crowd.refused} refused")


@attack("answered-streams", "connections", seconds=20, short_seconds=3, is_about_memory=True)
def answered_streams(context):
    """400 connections with 1,000 answered calls each, whose bodies they never read."""
    def make():
        connection = Connection(context.port, source=context.source, first=PREFACE + settings([(4, 0)]))
        block = header_block("Health")
        connection.push(b"".join(call_frames(connection.stream(), block, b"") for _ in range(1_000)))
        return connection

    crowd = hold(context, make, context.choose(400, 40))
    context.note(f"{len(crowd.members)} held, {crowd.cuts} cuts")


REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


@attack("conversations", "connections", seconds=20, short_seconds=3, is_about_memory=True)
def conversations(context):
    """100 connections with 500 conversations each that ask for the largest file again and again, and read nothing."""
    question = message(field(3, b"schema.proto"))

    def make():
        connection = Connection(context.port, source=context.source, first=PREFACE + settings([(4, 0)]))
        block = header_block(REFLECTION)
        for _ in range(500):
            stream = connection.stream()
            connection.push(frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, 0, stream, question * 40))
        return connection

    crowd = hold(context, make, context.choose(100, 20), 50)
    context.note(f"{len(crowd.members)} held, {crowd.cuts} cuts")


@attack("busy-conversations", "connections", seconds=10, short_seconds=2)
def busy_conversations(context):
    """4 connections with 100 conversations each that ask for the largest file as fast as it comes."""
    question = message(field(3, b"schema.proto"))

    def refill(connection):
        if connection.next_stream > 200:
            return b"".join(frame(DATA, 0, stream, question * 2) for stream in range(1, 200, 2))
        block = header_block(REFLECTION)
        return b"".join(
            frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, 0, stream, question)
            for stream in (connection.stream() for _ in range(101)))

    crowd = Crowd(lambda: Connection(context.port, refill=refill, source=context.source), 4, reopens_per_second=20)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")


@attack("open-blocks", "connections", seconds=50, short_seconds=3, is_about_memory=True)
def open_blocks(context):
    """300 connections that begin a block of header fields and send a byte of it now and then."""
    first = PREFACE + settings() + frame(HEADERS, 0, 1, b"\0\x7f\x80\x80\x03" + b"n" * 16_000)
    rest = frame(CONTINUATION, 0, 1, b"n" * 16_000)
    crowd = hold(
        context, lambda: Connection(context.port, first=first, source=context.source), 300,
        tick=lambda crowd: [connection.push(rest[:1]) for connection in crowd.members.values()
                            if not connection.output], every=30)
    expect_cuts(context, crowd)


@attack("dropped-blocks", "connections", seconds=50, short_seconds=3, is_about_memory=True)
def dropped_blocks(context):
    """The same after an event that makes the server drop the block: a reset, or the end of the stream."""
    half = b"\0\x7f\x80\x80\x03" + b"n" * 16_000
    path = literal(":path", "/")
    firsts = [
        PREFACE + settings() + frame(HEADERS, 0, 1, path + path + half),
        PREFACE + settings() + call_frames(1, header_block("Health"), b"") + frame(HEADERS, 0, 1, half),
    ]
    count = [0]

    def make():
        count[0] += 1
        return Connection(context.port, first=firsts[count[0] % 2], source=context.source)

    rest = frame(CONTINUATION, 0, 1, b"n" * 16_000)
    crowd = hold(context, make, 300, tick=lambda crowd: [
        connection.push(rest[:1]) for connection in crowd.members.values() if not connection.output], every=30)
    expect_cuts(context, crowd)


def expect_cuts(context, crowd):
    """Expects that all were cut, after the 20 s that a block may take and 20 more for an answer to a PING."""
    context.note(f"{len(crowd.members)} still held, {crowd.cuts} cuts")
    if context.seconds >= 45 and crowd.members:
        context.finding(f"{len(crowd.members)} of 300 connections were not cut within {context.seconds:.0f} s")


def hold_until_cut(context, first, count):
    """Connections that stop in the middle of their first bytes: the server must close them by itself."""
    crowd = hold(context, lambda: Connection(context.port, first=first, source=context.source, answers=False), count)
    context.note(f"{len(crowd.members)} still held, {crowd.cuts} cuts")
    # The limit for a handshake is 10 s.
    if context.seconds >= 14 and crowd.members:
        context.finding(f"{len(crowd.members)} of {count} connections were not cut within {context.seconds:.0f} s")


@attack("silent", "connections", seconds=15)
def silent(context):
    """300 connections that send nothing."""
    hold_until_cut(context, b"", 300)


@attack("half-preface", "connections", seconds=15)
def half_preface(context):
    """300 connections that send half of the preface."""
    hold_until_cut(context, PREFACE[:11], 300)


@attack("no-settings", "connections", seconds=15)
def no_settings(context):
    """300 connections that send the preface and no SETTINGS."""
    hold_until_cut(context, PREFACE, 300)


@attack("half-hello", "connections", seconds=15)
def half_hello(context):
    """300 connections that send half of a TLS ClientHello."""
    hold_until_cut(context, bytes.fromhex("16030100f8010000f40303") + bytes(60), 300)


@attack("http1", "connections", seconds=5)
def http1(context):
    """HTTP/1.1 requests without an end, and upgrades to h2c."""
    first = (b"GET /metrics HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
             b"Connection: Upgrade, HTTP2-Settings\r\n\r\n")
    crowd = hold(context, lambda: Connection(context.port, first=first, source=context.source, answers=False), 100, 500)
    context.note(f"{crowd.cuts} cuts")


@attack("reset-at-once", "connections", seconds=8)
def reset_at_once(context):
    """Connects and resets at once, before the server has accepted, or after a call was sent."""
    count = 0
    block = frame(HEADERS, END_HEADERS, 1, header_block("Get")) + frame(0, 1, 1, message(field(1, b"fresh")))
    while context.remaining() > 0:
        members = []
        for number in range(50):
            connection = Connection(
                context.port, first=PREFACE + settings() + block if number % 2 else b"", source=context.source)
            members.append(connection)
        time.sleep(0.002)
        for connection in members:
            try:
                connection.flush()
            except OSError:
                pass
            connection.close(abruptly=True)
        count += len(members)
    context.note(f"{count} connections")


@attack("goaway-storm", "connections", seconds=8)
def goaway_storm(context):
    """Connects, calls, sends GOAWAY, disconnects, and connects again."""
    body = message(field(1, b"fresh"))
    words = (frame(HEADERS, END_HEADERS, 1, header_block("Get")) + frame(0, 1, 1, body)
             + frame(GOAWAY, 0, 0, bytes(8) + b"bye"))
    count = 0
    while context.remaining() > 0:
        crowd = Crowd(lambda: Connection(context.port, PREFACE + settings() + words, source=context.source), 30)
        crowd.run(time.monotonic() + 0.02)
        crowd.close()
        count += 30
    context.note(f"{count} connections")


@attack("slow-headers", "connections", seconds=20, short_seconds=3)
def slow_headers(context):
    """100 connections that send headers one byte a second, in one frame or in CONTINUATIONs of a byte."""
    block = header_block("Get")
    count = [0]

    def make():
        count[0] += 1
        connection = Connection(context.port, source=context.source, answers=False)
        connection.push(frame(SETTINGS, ACK, 0))
        connection.place, connection.is_split = 0, count[0] % 2 == 0
        connection.push(frame(HEADERS, 0, 1, b"") if connection.is_split
                        else frame(HEADERS, END_HEADERS, 1, block)[:9])
        return connection

    def tick(crowd):
        for connection in crowd.members.values():
            byte = block[connection.place:connection.place + 1]
            connection.place += 1
            if connection.is_split:
                connection.push(frame(CONTINUATION, 0, 1, byte))
            else:
                connection.push(byte)

    crowd = hold(context, make, 100, 50, tick)
    context.note(f"{crowd.cuts} cuts")


@attack("slow-body", "connections", seconds=20, short_seconds=3)
def slow_body(context):
    """100 connections with 50 streams each, whose messages come a byte a second."""
    body = message(field(1, b"k" * 60))

    def make():
        connection = Connection(context.port, source=context.source)
        connection.place = 0
        for _ in range(50):
            connection.push(frame(HEADERS, END_HEADERS, connection.stream(), header_block("Get")))
        return connection

    def tick(crowd):
        for connection in crowd.members.values():
            byte = body[connection.place:connection.place + 1]
            connection.place += 1
            if byte:
                connection.push(b"".join(frame(0, 0, stream, byte) for stream in range(1, 100, 2)))

    crowd = hold(context, make, 100, 50, tick)
    context.note(f"{crowd.cuts} cuts")
