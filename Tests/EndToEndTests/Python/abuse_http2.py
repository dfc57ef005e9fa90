"""HTTP/2 by hand: connections that send any bytes, as slowly and as wrongly as an attack needs.

A `Crowd` drives many `Connection`s from one thread with epoll. Frames are built here, byte by byte (RFC 9113), so
that a frame can be invalid; hpack decodes the headers of answers. Nothing here shares code with the server.
"""

import errno
import select
import socket
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1
INITIAL_WINDOW_SIZE, HEADER_TABLE_SIZE = 4, 1
LARGEST_WINDOW = (1 << 31) - 1
SERVICE = "/immudb.schema.ImmuService/"
# Bytes that a connection collects before it waits for the socket.
OUTPUT_BYTES = 256 << 10


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def settings(values=()):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in values))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream, code=8):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def integer(value, prefix_bits, first=0):
    """An integer of HPACK (RFC 7541, section 5.1)."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes((first | value,))
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return integer(len(value), 7) + value


def literal(name, value):
    """Encodes a field that does not change the dynamic table, so that header blocks can be sent in any order."""
    return b"\x00" + text(name) + text(value)


def indexing(name, value):
    """A field that enters the dynamic table, where index 62 is the newest."""
    return b"\x40" + text(name) + text(value)


def indexed(index):
    return integer(index, 7, 0x80)


# :method POST and :scheme http are in the static table (3 and 6).
LEAST = indexed(3) + indexed(6) + literal("content-type", "application/grpc")


def header_block(method, *fields, timeout=None):
    """The header block of a call; `fields` are further ones, encoded."""
    path = method if method.startswith("/") else SERVICE + method
    block = (indexed(3) + indexed(6) + literal(":path", path) + literal(":authority", "abuse")
             + literal("content-type", "application/grpc") + literal("te", "trailers"))
    if timeout:
        block += literal("grpc-timeout", timeout)
    return block + b"".join(fields)


def message(body, compressed=0, length=None):
    return struct.pack(">BI", compressed, len(body) if length is None else length) + body


def call_frames(stream, block, body):
    """A whole call whose message fits a frame."""
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, message(body))


# Protocol Buffers: fields of bytes and of whole numbers.


def varint(value):
    out = []
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def key_value(key, value):
    return field(1, key) + field(2, value)


def batch(pairs):
    return b"".join(field(1, key_value(key, value)) for key, value in pairs)


class Connection:
    """One TCP connection. It answers PING and SETTINGS while it reads.

    - `refill`: called when all is sent; returns more bytes, or nothing.
    - `reads`: whether it reads from its socket.
    - `grants`: whether it gives flow-control windows back.
    - `answers`: whether it acknowledges SETTINGS and answers PING; otherwise it sends only the given bytes.
    """

    def __init__(self, port, first=None, source=None, receive_buffer=None, reads=True, grants=True,
                 initial=(), refill=None, decodes=False, keeps=False,
                 answers=True):
        self.opened = time.monotonic()
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        error = self.socket.connect_ex(("127.0.0.1", port))
        if error not in (0, errno.EINPROGRESS):
            self.socket.close()
            raise OSError(error, "connect")
        self.output = bytearray(PREFACE + settings(initial) if first is None else first)
        self.input = bytearray()
        self.refill, self.reads, self.grants, self.answers = refill, reads, grants, answers
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20) if decodes else None
        self.next_stream = 1
        self.is_closed, self.closed_after = False, None
        self.resets, self.goaway, self.goaway_text = 0, None, b""
        self.ended = 0                  # streams that the server has ended with END_STREAM
        self.keeps, self.headers, self.bodies = keeps, {}, {}
        self.window, self.initial_window = 65_535, 65_535
        self.uploads = {}               # stream: [rest, window, ends]
        self.sent = 0
        self.data_seen = 0
        self.on_end = None              # called with a stream that the server ended or reset

    def stream(self):
        number = self.next_stream
        self.next_stream += 2
        return number

    def push(self, data):
        self.output += data

    def call(self, block, body, ends=True):
        """Sends headers now and the message as fast as the windows allow; returns the stream."""
        stream = self.stream()
        self.output += frame(HEADERS, END_HEADERS, stream, block)
        self.upload(stream, message(body) if isinstance(body, bytes) else body, ends)
        return stream

    def upload(self, stream, data, ends=True):
        """Sends bytes of a stream within its windows. `data` is bytes, the gRPC prefix included."""
        self.uploads[stream] = [memoryview(data), self.initial_window, ends]

    def advance_uploads(self):
        done = []
        for stream, upload in self.uploads.items():
            rest, window, ends = upload
            while len(rest) and window > 0 and self.window > 0 and len(self.output) < OUTPUT_BYTES:
                count = min(len(rest), window, self.window, 16_384)
                is_last = ends and count == len(rest)
                self.output += frame(DATA, END_STREAM if is_last else 0, stream, bytes(rest[:count]))
                rest = rest[count:]
                window -= count
                self.window -= count
            upload[0], upload[1] = rest, window
            if not len(rest):
                done.append(stream)
            if self.window <= 0 or len(self.output) >= OUTPUT_BYTES:
                break
        for stream in done:
            del self.uploads[stream]

    # Called by the crowd.

    def wants_write(self):
        if len(self.output) < OUTPUT_BYTES // 2:
            if self.uploads:
                self.advance_uploads()
            if self.refill and not len(self.output):
                more = self.refill(self)
                if more:
                    self.output += more
        return len(self.output) > 0

    def flush(self):
        """Sends as much as the socket takes."""
        for _ in range(8):
            if not self.wants_write():
                return
            try:
                count = self.socket.send(memoryview(self.output)[:OUTPUT_BYTES])
            except (BlockingIOError, InterruptedError):
                return
            self.sent += count
            del self.output[:count]

    def receive(self):
        for _ in range(8):
            try:
                data = self.socket.recv(256 << 10)
            except (BlockingIOError, InterruptedError):
                return
            if not data:
                raise ConnectionResetError("closed by the server")
            self.input += data
            self.parse()
            if len(data) < 256 << 10:
                return

    def parse(self):
        place, data = 0, self.input
        while len(data) - place >= 9:
            length = int.from_bytes(data[place:place + 3], "big")
            if len(data) - place < 9 + length:
                break
            kind, flags = data[place + 3], data[place + 4]
            stream = int.from_bytes(data[place + 5:place + 9], "big") & LARGEST_WINDOW
            self.handle(kind, flags, stream, bytes(data[place + 9:place + 9 + length]))
            place += 9 + length
        del data[:place]

    def handle(self, kind, flags, stream, payload):
        if kind == DATA:
            self.data_seen += len(payload)
            if self.grants and payload:
                self.output += window_update(0, len(payload))
                if not flags & END_STREAM:
                    self.output += window_update(stream, len(payload))
            if self.keeps:
                self.bodies[stream] = self.bodies.get(stream, b"") + payload
        elif kind == HEADERS and self.decoder:
            fields = self.decoder.decode(payload)
            if self.keeps:
                self.headers.setdefault(stream, {}).update(fields)
        elif kind == SETTINGS and not flags & ACK:
            for place in range(0, len(payload) - 5, 6):
                name, value = struct.unpack_from(">HI", payload, place)
                if name == INITIAL_WINDOW_SIZE:
                    change = value - self.initial_window
                    self.initial_window = value
                    for upload in self.uploads.values():
                        upload[1] += change
            if self.answers:
                self.output += frame(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK and self.answers:
            self.output += frame(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            increment = int.from_bytes(payload, "big")
            if stream == 0:
                self.window += increment
            elif stream in self.uploads:
                self.uploads[stream][1] += increment
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
            self.goaway_text = payload[8:]
        if kind == RST_STREAM or kind in (DATA, HEADERS) and flags & END_STREAM:
            if kind == RST_STREAM:
                self.resets += 1
            else:
                self.ended += 1
            if self.on_end:
                self.on_end(self, stream)
            self.uploads.pop(stream, None)

    def close(self, abruptly=False):
        if self.is_closed:
            return
        self.is_closed = True
        self.closed_after = time.monotonic() - self.opened
        if abruptly:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def status(self, stream):
        """Returns the grpc-status of an answer. Needs `decodes` and `keeps`."""
        value = self.headers.get(stream, {}).get("grpc-status")
        return None if value is None else int(value)


class Crowd:
    """Connections that run side by side. With `make`, one that the server has closed is opened again."""

    def __init__(self, make=None, count=0, reopens_per_second=0):
        self.poll = select.epoll()
        self.members, self.masks = {}, {}
        self.make, self.reopens_per_second = make, reopens_per_second
        self.reopen_credit, self.last_reopen = 0.0, time.monotonic()
        self.cuts, self.refused, self.missing = 0, 0, 0
        self.cut = []                   # the last ones that the server closed
        for _ in range(count):
            self.open()

    def open(self):
        try:
            connection = self.make()
        except OSError:
            self.refused += 1
            return None
        return self.add(connection)

    def add(self, connection):
        number = connection.socket.fileno()
        self.members[number] = connection
        self.masks[number] = self.mask(connection)
        self.poll.register(number, self.masks[number])
        return connection

    @staticmethod
    def mask(connection):
        mask = select.EPOLLRDHUP
        if connection.reads:
            mask |= select.EPOLLIN
        if connection.wants_write():
            mask |= select.EPOLLOUT
        return mask

    def drop(self, number, abruptly=False, by_server=False):
        connection = self.members.pop(number)
        del self.masks[number]
        try:
            self.poll.unregister(number)
        except OSError:
            pass
        connection.close(abruptly)
        if by_server:
            self.cuts += 1
            self.cut = [*self.cut[-63:], connection]
            self.missing += 1

    def step(self, timeout=0.01):
        """Waits for at most `timeout` seconds, then sends and receives."""
        for number, connection in list(self.members.items()):
            mask = self.mask(connection)
            if mask != self.masks[number]:
                self.masks[number] = mask
                self.poll.modify(number, mask)
        for number, events in self.poll.poll(timeout):
            connection = self.members.get(number)
            if not connection:
                continue
            try:
                if events & select.EPOLLIN and connection.reads:
                    connection.receive()
                if events & select.EPOLLOUT:
                    connection.flush()
                if events & (select.EPOLLHUP | select.EPOLLERR):
                    raise ConnectionResetError
                if events & select.EPOLLRDHUP and not events & select.EPOLLIN:
                    raise ConnectionResetError
            except (OSError, hpack.HPACKError):
                self.drop(number, by_server=True)
        if self.make and self.reopens_per_second:
            now = time.monotonic()
            self.reopen_credit = min(
                50, self.reopen_credit + (now - self.last_reopen) * self.reopens_per_second)
            self.last_reopen = now
            while self.missing and self.reopen_credit >= 1:
                self.missing -= 1
                self.reopen_credit -= 1
                self.open()

    def run(self, until, tick=None, every=1.0):
        """Runs until a time or, with a callable, until it returns true; calls `tick` at an interval of seconds."""
        is_done = until if callable(until) else lambda: time.monotonic() >= until
        following = time.monotonic() + every
        while not is_done():
            self.step()
            if tick and time.monotonic() >= following:
                following = time.monotonic() + every
                tick()

    def close(self):
        for number in list(self.members):
            self.drop(number)


class Refused(Exception):
    """A call did not end with status OK."""

    def __init__(self, status, text):
        super().__init__(f"status {status}: {text}")
        self.status = status


def call(port, method, body, seconds=30, connection=None, fields=()):
    """One call on a connection of its own; returns the answer's message.

    Raises Refused with its status, and with None if the call got no answer in time.
    """
    crowd = Crowd()
    own = connection or Connection(port, decodes=True, keeps=True)
    crowd.add(own)
    stream = own.call(header_block(method, *fields), body)
    done = []
    own.on_end = lambda _, ended: done.append(ended)
    end = time.monotonic() + seconds
    while stream not in done and not own.is_closed and time.monotonic() < end:
        crowd.step()
    status, headers = own.status(stream), own.headers.get(stream, {})
    if connection is None:
        crowd.close()
    else:
        crowd.members.clear()
        crowd.poll.close()
    if status != 0:
        what = ("the connection was closed" if own.is_closed and stream not in done
                else "the stream was reset" if stream in done else f"no answer within {seconds} s")
        raise Refused(status, headers.get("grpc-message", what))
    return own.bodies.get(stream, b"")[5:]
