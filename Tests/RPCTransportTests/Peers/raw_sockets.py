"""Hostile and broken clients on raw sockets. Usage: raw_sockets.py PORT FAST_PORT PID

The server at FAST_PORT has timeouts below a second and room for eight connections."""
import os
import random
import socket
import struct
import sys
import time

import grpc
from google.protobuf import wrappers_pb2

from checks import check, run

PORT, FAST_PORT, PID = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
CALM = 11


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HELLO = PREFACE + frame(SETTINGS, 0, 0)


def string(value):
    if len(value) < 127:
        return bytes([len(value)]) + value
    count, out = len(value) - 127, b"\x7f"
    while count >= 128:
        out += bytes([count & 127 | 128])
        count >>= 7
    return out + bytes([count]) + value


def field(name, value):
    return b"\x00" + string(name) + string(value)


def request(method=b"Hold", content_type=b"application/grpc", http_method=b"POST", extra=b""):
    return (
        field(b":method", http_method) + b"\x86" + field(b":path", b"/test.Peer/" + method)
        + field(b":authority", b"x") + field(b"content-type", content_type) + field(b"te", b"trailers") + extra
    )


def message(payload=b"", compressed=0, length=None):
    return struct.pack(">BI", compressed, len(payload) if length is None else length) + payload


class Connection:
    def __init__(self, data=b"", port=PORT):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.bytes = b""
        self.end = None
        self.send(data)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it was turned away already

    def read(self, seconds=0.3, until=lambda self: False):
        """Reads until the end, or until nothing comes for that long."""
        self.socket.settimeout(seconds)
        try:
            while not until(self):
                data = self.socket.recv(1 << 16)
                if not data:
                    self.end = "closed"
                    break
                self.bytes += data
        except socket.timeout:
            pass
        except OSError as error:
            self.end = str(error)
        return self

    def frames(self, kind=None):
        at, found = 0, []
        while at + 9 <= len(self.bytes):
            count = int.from_bytes(self.bytes[at : at + 3], "big")
            if at + 9 + count > len(self.bytes):
                break
            found.append(
                (
                    self.bytes[at + 3],
                    self.bytes[at + 4],
                    int.from_bytes(self.bytes[at + 5 : at + 9], "big"),
                    self.bytes[at + 9 : at + 9 + count],
                )
            )
            at += 9 + count
        return [one for one in found if kind is None or one[0] == kind]

    def goaway(self):
        found = self.frames(GOAWAY)
        return struct.unpack(">I", found[-1][3][4:8])[0] if found else None

    def close(self):
        self.socket.close()


channel = grpc.insecure_channel("127.0.0.1:%d" % PORT)


def still_serves():
    data = wrappers_pb2.BytesValue(value=b"x").SerializeToString()
    assert channel.unary_unary("/test.Peer/Echo")(data, timeout=5) == data


def resident():
    with open("/proc/%d/status" % PID) as status:
        for line in status:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024


def settled():
    """Returns the resident memory once the memory of earlier checks is freed, or 5 seconds later."""
    last = resident()
    for _ in range(25):
        time.sleep(0.2)
        now = resident()
        if abs(now - last) < 1 << 20:
            return now
        last = now
    return last


def refused(data, wait=1.0):
    connection = Connection(HELLO + data).read(wait)
    assert connection.end is not None, connection.frames()
    still_serves()
    return connection


@check("what is not HTTP/2 is turned away")
def not_http2():
    for data in [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", bytes(1000)]:
        assert Connection(data).read(1).end is not None
    still_serves()


@check("garbage of any kind does no harm")
def garbage():
    dice = random.Random(4711)
    for turn in range(200):
        good = HELLO + frame(HEADERS, END_HEADERS, 1, request(b"Echo")) + frame(DATA, END_STREAM, 1, message(b"\n\x01x"))
        data = bytearray(good)
        if turn % 2:
            data = bytearray(PREFACE + dice.randbytes(dice.randint(1, 2000)))
        else:
            for _ in range(dice.randint(1, 8)):
                data[dice.randrange(len(PREFACE), len(data))] = dice.randrange(256)
        connection = Connection(bytes(data))
        if turn % 10 == 0:
            connection.read(0.02)
        connection.close()
    still_serves()


@check("clients that vanish in any state do no harm")
def vanishing():
    dice = random.Random(42)
    for turn in range(100):
        count = dice.randint(1, 50)
        window = dice.choice([0, 10, 65_535])
        data = HELLO + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, window))
        for index in range(count):
            large = index % 2 == 1
            body = message(b"\x08\x80\x80\x40") if large else message()
            data += frame(HEADERS, END_HEADERS, 1 + 2 * index, request(b"Large" if large else b"Hold"))
            data += frame(DATA, END_STREAM, 1 + 2 * index, body)
        connection = Connection(data[: dice.randint(len(data) // 2, len(data))])
        if turn % 3 == 0:
            time.sleep(0.02)
        if turn % 5 == 0:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    still_serves()


@check("floods of resets, PINGs, SETTINGS, headers or empty DATA end their connection")
def floods():
    opened = frame(HEADERS, END_HEADERS, 1, request())
    resets = b"".join(
        frame(HEADERS, END_HEADERS, 1 + 2 * i, request()) + frame(RESET, 0, 1 + 2 * i, struct.pack(">I", 8))
        for i in range(10_000)
    )
    assert refused(resets, 30).goaway() is not None
    refused(frame(PING, 0, 0, b"12345678") * 100_000)
    refused(frame(SETTINGS, 0, 0) * 100_000)
    refused(frame(HEADERS, 0, 1, request()) + b"".join(
        frame(CONTINUATION, 0, 1, field(b"x-a", b"b" * 4000)) for _ in range(50)))
    refused(frame(HEADERS, 0, 1, request()) + frame(CONTINUATION, 0, 1) * 1000)
    assert refused(opened + frame(DATA, 0, 1) * 10_000).goaway() == CALM
    assert refused(opened + frame(DATA, 8, 1, b"\x07" + bytes(7)) * 10_000).goaway() == CALM


@check("broken framing ends the connection")
def broken_framing():
    opened = frame(HEADERS, END_HEADERS, 1, request())
    refused(opened + frame(DATA, 0, 1, bytes(20_000)))
    refused(frame(DATA, END_STREAM, 5, b"abc"))
    refused(frame(HEADERS, END_HEADERS, 2, request()))
    refused(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2)
    refused(frame(HEADERS, END_HEADERS, 1, b"\xff" * 30))


@check("a header block that unpacks to 48 MB is refused and not kept")
def unpacking():
    before = resident()
    bomb = request() + b"\x40" + string(b"x-a") + string(b"b" * 3900) + b"\xbe" * 12_000
    connection = Connection(HELLO + frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb)).read(0.5)
    assert connection.frames(HEADERS) or connection.frames(RESET) or connection.end
    assert resident() - before < 16 << 20
    connection.close()
    still_serves()


def answer(headers, body=b"", ends=True):
    data = frame(HEADERS, END_HEADERS, 1, headers) + frame(DATA, END_STREAM if ends else 0, 1, body)
    connection = Connection(HELLO + data)
    connection.read(0.3, lambda self: any(f[1] & END_STREAM for f in self.frames(HEADERS)))
    blocks = b"".join(one[3] for one in connection.frames(HEADERS))
    connection.read(0.05)
    connection.close()
    return blocks, connection


@check("what is no gRPC request gets HTTP 405 and 415")
def not_grpc():
    assert b"405" in huffman(answer(request(b"Echo", http_method=b"GET"))[0])
    assert b"415" in huffman(answer(request(b"Echo", content_type=b"text/plain"))[0])
    assert b"415" in huffman(answer(request(b"Echo", content_type=b"application/grpcx"))[0])
    assert b"12" in huffman(answer(request(b"Nope"))[0])


# The digits of RFC 7541's Huffman code; statuses are short, so no other code is needed.
CODES = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5", "011100": "6",
         "011101": "7", "011110": "8", "011111": "9"}


def huffman(block):
    """The block and, behind it as words, what its short strings of digits say, Huffman-coded or not."""
    said = b""
    for at in range(len(block) - 1):
        count = block[at] & 127
        if 0 < block[at] < 4 and block[at + 1 : at + 1 + count].isdigit():
            said += b" " + block[at + 1 : at + 1 + count]
        if block[at] & 128 and 0 < count < 4 and at + count < len(block):
            bits = "".join("{:08b}".format(byte) for byte in block[at + 1 : at + 1 + count])
            text = ""
            while bits:
                for length in (5, 6):
                    if bits[:length] in CODES:
                        text += CODES[bits[:length]]
                        bits = bits[length:]
                        break
                else:
                    break
            said += b" " + text.encode()
    return block + said


def status(method=b"Echo", body=b"", **more):
    text = huffman(answer(request(method, **more), body)[0])
    return [int(word) for word in text.split() if word.isdigit()]


@check("requests of no, two, half or compressed messages are INTERNAL")
def bad_messages():
    for body in [b"", b"\x00\x00", message(b"\n\x01x") * 2, message(b"\n\x01x", length=10), message(b"x", compressed=1)]:
        assert 13 in status(body=body), body
    assert 13 in status(body=message(), extra=field(b"grpc-timeout", b"soon"))


@check("a message that is too long is refused by its prefix, before it comes")
def refused_early():
    blocks, connection = answer(request(b"Echo"), message(b"", length=(32 << 20) + 1), ends=False)
    assert b" 8" in huffman(blocks), blocks
    assert connection.frames(RESET), "the client is not asked to stop"


@check("a slow sender is served")
def slow_sender():
    data = HELLO + frame(HEADERS, END_HEADERS, 1, request(b"Echo")) + frame(DATA, END_STREAM, 1, message(b"\n\x03abc"))
    connection = Connection()
    for byte in data:
        connection.send(bytes([byte]))
        time.sleep(0.001)
    connection.read(0.3)
    assert connection.frames(DATA)[0][3] == message(b"\n\x03abc")


@check("more streams than allowed are refused, the others live")
def too_many_streams():
    connection = Connection(HELLO + b"".join(frame(HEADERS, END_HEADERS, 1 + 2 * i, request()) for i in range(1100)))
    connection.read(0.5)
    assert connection.end is None and len(connection.frames(RESET)) == 1100 - 1024
    connection.close()


@check("a client that does not read costs a bounded amount of memory")
def not_reading():
    before = resident()
    connections = []
    for windows in [(65_535, 0), ((1 << 31) - 1, (1 << 31) - 1 - 65_535)]:
        data = HELLO + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, windows[0]))
        if windows[1]:
            data += frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", windows[1]))
        connection = Connection()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for index in range(1000):
            data += frame(HEADERS, END_HEADERS, 1 + 2 * index, request(b"Large"))
            data += frame(DATA, END_STREAM, 1 + 2 * index, message(b"\x08\x80\x80\x40"))
        connection.send(data)
        connections.append(connection)
    time.sleep(1.5)
    grown = resident() - before
    still_serves()
    for connection in connections:
        connection.close()
    # 2,000 answers of 1 MiB were asked for. The first burst runs before their size is known.
    assert grown < 300 << 20, grown


@check("a stream that is not read is held back at the window")
def stream_window():
    before = settled()
    data = frame(HEADERS, END_HEADERS, 1, request(b"Endless")) + frame(DATA, END_STREAM, 1, message(b"\x08\x80\x08"))
    connection = Connection(HELLO + data).read(0.5)
    assert sum(len(one[3]) for one in connection.frames(DATA)) == 65_535
    assert resident() - before < 8 << 20
    connection.close()


@check("a connection that never says hello is closed")
def half_open():
    began = time.time()
    for data in [b"", PREFACE[:10], PREFACE]:
        connection = Connection(data, FAST_PORT).read(3)
        assert connection.end is not None
    assert time.time() - began < 6


@check("an idle connection is asked for a sign of life, and closed without one")
def keepalive():
    connection = Connection(HELLO, FAST_PORT).read(3, lambda self: len(self.frames(PING)) > 0)
    assert connection.frames(PING) and connection.end is None
    for _ in range(3):  # it answers, so it is open
        for one in [one for one in connection.frames(PING) if not one[1] & ACK]:
            connection.send(frame(PING, ACK, 0, one[3]))
        connection.bytes = b""
        connection.read(1, lambda self: len(self.frames(PING)) > 0)
        assert connection.end is None and connection.frames(PING)
    assert connection.read(3).end is not None  # and now it is silent


@check("connections over the limit are closed, and served again when there is room")
def too_many_connections():
    def hello():
        connection = Connection(HELLO, FAST_PORT)
        connection.read(0.3, lambda self: len(self.frames(SETTINGS)) > 0)
        return connection

    connections = [hello() for _ in range(8)]
    assert all(one.end is None for one in connections)
    extra = hello().read(1)
    assert extra.end is not None
    for one in connections:
        one.close()
    for _ in range(100):
        if hello().end is None:
            return
        time.sleep(0.02)
    raise AssertionError("no room again")


run()
