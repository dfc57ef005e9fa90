"""Attacks by chance, repeatable by seed: random bytes, and valid frames with random fields."""

from abuse_harness import attack
from abuse_http2 import (
    PREFACE, Connection, Crowd, call_frames, field, frame,
    header_block, indexed, indexing)

METHODS = [
    "Set", "SetSV", "SafeSet", "SafeSetSV", "Get", "GetSV", "SafeGet", "SafeGetSV", "SetBatch", "SetBatchSV",
    "GetBatch", "GetBatchSV", "Scan", "ScanSV", "Count", "CurrentRoot", "Inclusion", "Consistency", "ByIndex",
    "ByIndexSV", "History", "HistorySV", "Health", "Reference", "SafeReference", "ZAdd", "ZScan", "ZScanSV",
    "SafeZAdd", "IScan", "IScanSV", "Dump", "Login", "NoSuchMethod",
]


def run(context, make_bytes, with_preface, connections=8):
    def refill(connection):
        connection.left -= 1
        return make_bytes(connection) if connection.left >= 0 else b""

    def make():
        connection = Connection(
            context.port, first=None if with_preface else b"", refill=refill, source=context.source,
            grants=context.random.random() < 0.7, reads=context.random.random() < 0.8, answers=with_preface)
        connection.left = 200
        connection.is_odd = context.random.random() < 0.5
        return connection

    crowd = Crowd(make, connections, reopens_per_second=300)

    def tick():
        # Connections that have sent everything make room for others.
        for number, connection in list(crowd.members.items()):
            if connection.left < 0 and not connection.output:
                crowd.drop(number, abruptly=context.random.random() < 0.5)
                crowd.missing += 1

    crowd.run(context.until, tick, every=0.05)
    context.note(f"{crowd.cuts} cuts")


@attack("random-bytes", "fuzz", seconds=20, short_seconds=2)
def random_bytes(context):
    """Random bytes, half of the time after a preface."""
    def make_bytes(connection):
        data = context.random.randbytes(context.random.choice([1, 9, 100, 5_000, 40_000]))
        if connection.is_odd and connection.left == 199:
            return PREFACE + frame(4, 0, 0) + data
        return data

    run(context, make_bytes, with_preface=False)


@attack("frame-fuzz", "fuzz", seconds=30, short_seconds=2)
def frame_fuzz(context):
    """Frames of every type with random flags, streams, lengths and contents, among valid calls."""
    choose, number = context.random.choice, context.random.randrange

    def random_stream(connection):
        return choose([0, 1, connection.next_stream, max(1, connection.next_stream - 2 * number(1, 20)), 2,
                       number(1 << 31)])

    def random_payload(kind):
        if kind == 1:
            return choose([header_block(choose(METHODS)), indexed(number(1, 100)), context.random.randbytes(number(60)),
                           header_block("Get", indexing("x-%d" % number(50), b"v" * number(3_000)))])
        if kind in (2, 3, 5, 6, 7, 8) and number(4):
            return context.random.randbytes({2: 5, 3: 4, 5: 30, 6: 8, 7: 8, 8: 4}[kind])
        if kind == 4:
            # Rarely a window that lets nothing through.
            return b"".join(choose([b"\x00\x04", b"\x00\x01", b"\x00\x03", b"\x00\x05", context.random.randbytes(2)])
                            + choose([bytes(4), b"\x00\x01\x00\x00", context.random.randbytes(4)])
                            for _ in range(number(4)))
        return context.random.randbytes(choose([0, 1, 5, 100, 16_384, 20_000]))

    def make_bytes(connection):
        out = []
        for _ in range(number(1, 10)):
            if number(10) < 7:
                body = context.random.randbytes(number(40)) if number(3) else field(number(1, 4), b"k" * number(300))
                frames = call_frames(connection.stream(), header_block(choose(METHODS)), body)
                if number(3) == 0:
                    # Flip a bit somewhere.
                    frames = bytearray(frames)
                    frames[number(len(frames))] ^= 1 << number(8)
                out.append(bytes(frames))
            else:
                kind = number(11)
                out.append(frame(kind, choose([0, 1, 4, 5, 8, 32, number(256)]), random_stream(connection),
                                 random_payload(kind)))
        return b"".join(out)

    run(context, make_bytes, with_preface=True)
