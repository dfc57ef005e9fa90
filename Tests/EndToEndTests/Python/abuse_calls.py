"""Attacks by calls that are well-formed HTTP/2: deadlines, queues, walks, odd metadata and messages."""

import struct
import time

from abuse_harness import attack
from abuse_http2 import (
    DATA, END_HEADERS, END_STREAM, HEADERS, Connection, Crowd, Refused, batch, call, call_frames, field, frame,
    header_block, key_value, literal, message)


def owned_key(number):
    return b"owned-%d" % number


def owned_value(number):
    """The only value that the key of this number ever gets."""
    return (b"value-%d-" % number) * (1 + number % 40)


def owned_entries_are_right(port, is_short):
    """Whether every entry of `deadlines` has its own value, not one from the memory of another call."""
    offset = b""
    while True:
        answer = call(port, "Scan", field(1, b"owned-") + field(2, offset) + field(3, 500))
        items = list(length_delimited(answer))
        if not items:
            return []
        for item in items:
            parts = list(length_delimited(item, with_numbers=True))
            key = next((value for number, value in parts if number == 1), b"")
            value = next((value for number, value in parts if number == 2), b"")
            digits = key.removeprefix(b"owned-")
            if not digits.isdigit() or value != owned_value(int(digits)):
                expected = owned_value(int(digits)) if digits.isdigit() else b""
                length = min(len(value), len(expected))
                place = next((i for i in range(length) if value[i] != expected[i]), length)
                part = value[max(0, place - 20):place + 60]
                return [f"entry {key[:60]!r} has {len(value)} bytes, not {len(expected)}; they differ at {place}: {part!r}"]
        offset = key


def length_delimited(data, with_numbers=False):
    """Returns the fields of a message that have bytes."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(data):
        tag = varint()
        size = varint()
        if tag & 7 == 2:
            yield (tag >> 3, data[place:place + size]) if with_numbers else data[place:place + size]
            place += size


@attack("deadlines", "calls", row=1, seconds=20, short_seconds=2, after=owned_entries_are_right)
def deadlines(context):
    """1,000 Gets and Sets in flight with a deadline of 1 to 2 ms, again and again."""
    number, rounds = 0, 0
    get = field(1, b"fresh")

    def refill(connection):
        nonlocal number, rounds
        if connection.next_stream > 1 << 30:
            return b""
        if connection.open_calls >= 1_000:
            return b""
        out = []
        rounds += 1
        for _ in range(1_000 - connection.open_calls):
            stream = connection.stream()
            timeout = b"%du" % context.random.randint(1_000, 2_000)
            if context.random.random() < 0.5:
                out.append(call_frames(stream, header_block("Get", timeout=timeout), get))
            else:
                body = key_value(owned_key(number), owned_value(number))
                out.append(call_frames(stream, header_block("Set", timeout=timeout), body))
                number += 1
            connection.open.add(stream)
            connection.open_calls += 1
        return b"".join(out)

    def on_end(connection, stream):
        # A call that is answered before its request has been read is told twice: END_STREAM, then a reset.
        if stream in connection.open:
            connection.open.discard(stream)
            connection.open_calls -= 1

    def make():
        connection = Connection(context.port, refill=refill, source=context.source)
        connection.open, connection.open_calls, connection.on_end = set(), 0, on_end
        return connection

    crowd = Crowd(make, context.choose(4, 2), reopens_per_second=20)
    crowd.run(context.until)
    reasons = {connection.goaway_text for connection in crowd.cut}
    context.note(f"{sum(c.ended for c in crowd.members.values())} calls, {crowd.cuts} cuts {reasons or ''}")


def idle_server_takes_batches(port, is_short):
    """Whether the count of queued bytes is back at zero: batches of 2 MiB and one of 30 MiB are taken."""
    time.sleep(0.5)
    for byte_count in (2 << 20, 2 << 20, 30 << 20):
        try:
            call(port, "SetBatch", large_batch(b"idle", byte_count), seconds=20)
        except Refused as error:
            return [f"the idle server refused a SetBatch of {byte_count >> 20} MiB: {error}"]
    return []


def large_batch(prefix, byte_count, value_byte_count=65_000):
    value = b"v" * value_byte_count
    return batch((prefix + b"-%d" % number, value) for number in range(max(1, byte_count // value_byte_count)))


@attack("expired-batches", "calls", row=2, seconds=30, short_seconds=5, after=idle_server_takes_batches,
        is_about_memory=True)
def expired_batches(context):
    """SetBatches of 2 MiB that expire in the queue, behind 12 that take long to decode; 60 at a time."""
    slow, usual = message(b"\n\x00" * (3 << 19)), message(large_batch(b"expired", 2 << 20))
    sent, completed, expired, deadline = 0, 0, 0, 0.6

    def on_end(connection, stream):
        nonlocal completed, expired
        if stream not in connection.open:
            return
        connection.open.discard(stream)
        # A call that the server ended while it was being sent never reached the queue.
        if stream in connection.usual and stream not in connection.uploads:
            completed += 1
            expired += connection.status(stream) == 4

    def make():
        connection = Connection(context.port, source=context.source, decodes=True, keeps=True)
        connection.open, connection.usual, connection.on_end = set(), set(), on_end
        return connection

    def send(connection, body, timeout):
        fields = header_block("SetBatch", timeout=b"%dm" % int(timeout * 1e3))
        stream = connection.stream()
        connection.open.add(stream)
        connection.push(frame(HEADERS, END_HEADERS, stream, fields))
        connection.upload(stream, body)
        return stream

    crowd = Crowd(make, 4, reopens_per_second=20)
    while context.remaining() > 0:
        members = list(crowd.members.values())
        for connection in members * 3:
            send(connection, slow, 60)
        patience = min(time.monotonic() + 10, context.until)
        crowd.run(lambda: time.monotonic() > patience or not any(c.uploads for c in members))
        before = completed, expired
        for connection in members * 15:
            connection.usual.add(send(connection, usual, deadline * context.random.uniform(0.5, 1)))
            sent += 1
        patience = min(time.monotonic() + 20, context.until)
        crowd.run(lambda: time.monotonic() > patience or not any(c.open for c in members))
        # Deadlines that pass behind the upload and before the queue is done, however fast the machine is.
        if completed - before[0] < 40:
            deadline *= 1.5
        elif expired - before[1] < 20:
            deadline *= 0.7
    context.note(f"{sent} batches, {completed} were complete, {expired} of these expired; {crowd.cuts} cuts")


def load_keys(port, is_short):
    """10^6 keys (10^5 in the short form), by batches."""
    count, step = (100_000, 5_000) if is_short else (1_000_000, 10_000)
    connection = Connection(port, decodes=True, keeps=True)
    for start in range(0, count, step):
        pairs = ((b"walk-%07d" % number, b"v") for number in range(start, start + step))
        call(port, "SetBatch", batch(pairs), seconds=60, connection=connection)
    connection.close()


@attack("counts", "calls", row=8, seconds=20, short_seconds=2, prepare=load_keys)
def counts(context):
    """200 Counts of one client over 10^6 keys, beside the honest client's SetBatch of one entry."""
    block, body = header_block("Count"), field(1, b"walk-")

    def refill(connection):
        if connection.open_calls >= 200:
            return b""
        out = []
        while connection.open_calls < 200:
            connection.open_calls += 1
            out.append(call_frames(connection.stream(), block, body))
        return b"".join(out)

    def on_end(connection, stream):
        # A call that is answered before its request has been read is told twice: END_STREAM, then a reset.
        if stream in connection.open:
            connection.open.discard(stream)
            connection.open_calls -= 1

    def make():
        connection = Connection(context.port, refill=refill, source=context.source)
        connection.open, connection.open_calls, connection.on_end = set(), 0, on_end
        return connection

    crowd = Crowd(make, 1, reopens_per_second=5)
    crowd.run(context.until)
    context.note(f"{sum(c.ended for c in crowd.members.values())} Counts answered")


@attack("abandoned-counts", "calls", seconds=10, short_seconds=2, prepare=load_keys)
def abandoned_counts(context):
    """Clients that ask for Counts over 10^6 keys and leave at once, and Counts with a deadline of 1 ms."""
    body, asked = field(1, b"walk-"), 0
    while context.remaining() > 0:
        crowd = Crowd(lambda: Connection(context.port, source=context.source), 8)
        for connection in crowd.members.values():
            for number in range(25):
                timeout = b"1m" if number % 2 else None
                connection.push(call_frames(connection.stream(), header_block("Count", timeout=timeout), body))
                asked += 1
        crowd.run(time.monotonic() + 0.1)
        crowd.close()
    context.note(f"{asked} Counts asked for and left")


@attack("blank-metadata", "calls", row=12, seconds=3, short_seconds=1)
def blank_metadata(context):
    """Metadata values with a blank at their start or end: the call is served, as by other gRPC servers."""
    values = [b" lead", b"trail ", b" both ", b"\ttab", b" ", b""]
    refused = {}
    while context.remaining() > 0:
        for value in values:
            try:
                call(context.port, "Get", field(1, b"fresh"), seconds=5, fields=[literal("x-note", value)])
            except Refused as error:
                refused[value] = str(error)
        time.sleep(0.05)
    for value, error in refused.items():
        context.finding(f"a call with the metadata value {value!r} was not served: {error}")


@attack("trailers-storm", "calls", seconds=8)
def trailers_storm(context):
    """Requests that end with trailers, with many blocks of trailers, and with trailers before any DATA."""
    trailers = literal("x-trailer", b"t" * 200) * 20
    block, body = header_block("Get"), message(field(1, b"fresh"))

    def refill(connection):
        stream = connection.stream()
        kind = context.random.randrange(3)
        out = frame(HEADERS, END_HEADERS, stream, block)
        if kind != 2:
            out += frame(DATA, 0, stream, body)
        if kind == 1:
            out += frame(HEADERS, END_HEADERS, stream, trailers) * 5
        return out + frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers)

    crowd = Crowd(lambda: Connection(context.port, refill=refill, source=context.source), 8, reopens_per_second=100)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")


@attack("declared-length", "calls", seconds=8, is_about_memory=True)
def declared_length(context):
    """Messages that announce 1 GiB, 4 GiB or exactly the limit, and send 8 KiB."""
    block = header_block("SetBatch")

    def refill(connection):
        stream = connection.stream()
        length = context.random.choice([1 << 30, (1 << 32) - 1, 32 << 20, (32 << 20) + 1])
        return (frame(HEADERS, END_HEADERS, stream, block)
                + frame(DATA, 0, stream, struct.pack(">BI", 0, length) + b"x" * 8_187))

    crowd = Crowd(lambda: Connection(context.port, refill=limited(refill, 1_000), source=context.source),
                  context.choose(20, 8), reopens_per_second=100)
    crowd.run(context.until)
    context.note(f"{crowd.cuts} cuts")


def limited(refill, count):
    """Returns a refill that sends at most this many times on each connection."""
    def send(connection):
        connection.refills = getattr(connection, "refills", 0) + 1
        return refill(connection) if connection.refills <= count else b""
    return send


@attack("compressed-flag", "calls", seconds=5)
def compressed_flag(context):
    """Messages with the compressed flag, with flags of other values, and with an unknown grpc-encoding."""
    body = field(1, b"fresh")

    def refill(connection):
        stream, kind = connection.stream(), context.random.randrange(3)
        fields = [literal("grpc-encoding", b"z" * 2_000)] if kind == 2 else []
        return (frame(HEADERS, END_HEADERS, stream, header_block("Get", *fields))
                + frame(DATA, END_STREAM, stream, message(body, compressed=[1, 255, 1][kind])))

    crowd = Crowd(lambda: Connection(context.port, refill=refill, source=context.source), 4, reopens_per_second=100)
    crowd.run(context.until)
    context.note(f"{sum(c.ended + c.resets for c in crowd.members.values())} answers, {crowd.cuts} cuts")
