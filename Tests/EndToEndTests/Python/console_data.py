"""Entries for the tests of the console, written through a gateway: ordinary ones, and hostile ones."""

import base64
import json
import urllib.request

BASE = "/v1/immurestproxy/"
# What a hostile writer puts into keys and values. None of it may become an element, move other text, or be hidden.
HOSTILE = {
    b"<img src=x onerror=alert(1)>": b"<script>alert(2)</script>",
    "rtl \u202etxt.exe".encode(): "a\u0000b\u200bc\u2066d\u2069\u3000e".encode(),
    b"\xff\xfe\x00binary": bytes(range(256)) * 4,
    b"lines": b"first\nsecond\tthird\x1b[31m",
    b"zalgo": ("z" + "\u0316" * 400 + "algo").encode(),
    b"long " + b"k" * 3000: b"",
    b"huge": b"v" * 2_000_000,
}
# Content of the largest time.
LATE = bytes.fromhex("08ffffffffffffffffff01120100")


class Writer:
    """Writes and reads through the routes of a gateway."""

    def __init__(self, url, token=None):
        self.url, self.token = url, token

    def call(self, method, route, body=None):
        request = urllib.request.Request(
            self.url + BASE + route, json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})},
            method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def login(self, user, password):
        answer = self.call("POST", "login", {"user": text(user.encode()), "password": text(password.encode())})
        self.token = base64.b64decode(answer["token"]).decode()

    def set(self, key, value):
        return int(self.call("POST", "item", {"key": text(key), "value": text(value)}).get("index", 0))

    def identity(self):
        with urllib.request.urlopen(self.url + BASE + "root", timeout=30) as answer:
            return answer.headers["Grpc-Metadata-Immudb-Uuid"]

    def root(self):
        """The current tree as the console writes it: <root>@<size>."""
        answer = self.call("GET", "root")
        return f"{base64.b64decode(answer['root']).hex()}@{int(answer.get('index', 0)) + 1}"

    def size(self):
        return int(self.root().split("@")[1])

    def entries(self):
        """All entries, raw, by index."""
        return [self.entry(index) for index in range(self.size())]

    def entry(self, index):
        answer = self.call("GET", f"item/index/{index}")
        return base64.b64decode(answer.get("key", "")), base64.b64decode(answer.get("value", ""))


def text(data):
    return base64.b64encode(data).decode()


class Data:
    """What `populate` has written: keys by what they are for, and the indexes of some."""

    def __init__(self, tag):
        self.tag = tag
        self.alice = tag + b"alice"
        self.current = tag + b"current"
        self.set = tag + b"by date"
        self.hostile = {tag + key: value for key, value in HOSTILE.items()}


def populate(writer, tag):
    data = Data(tag)
    data.alice_indexes = [writer.set(data.alice, b"version %d" % number) for number in range(3)]
    pairs = [{"key": text(tag + b"k%02d" % number), "value": text(b"raw value %d" % number)} for number in range(60)]
    writer.call("POST", "batch/set", {"KVs": pairs})
    writer.call("POST", "reference", {"reference": text(data.current), "key": text(data.alice)})
    for score, member in ((2.5, b"k01"), (-1, b"k02"), (7, b"alice")):
        data.member_index = int(writer.call(
            "POST", "zadd", {"set": text(data.set), "score": score, "key": text(tag + member)})["index"])
    data.hostile_indexes = {key: writer.set(key, value) for key, value in data.hostile.items()}
    # A key that looks like a value with its time, a reference to it, and a time that no clock has had.
    odd = tag + b"odd"
    data.odd = [b"\x12" + bytes([len(odd)]) + odd, tag + b"to odd", tag + b"late"]
    writer.call("POST", "batch/set", {"KVs": [
        {"key": text(data.odd[0]), "value": text(b"x")}, {"key": text(data.odd[2]), "value": text(LATE)}]})
    writer.call("POST", "reference", {"reference": text(data.odd[1]), "key": text(data.odd[0])})
    # A few more, so that trees of several shapes follow.
    writer.set(tag + b"last", b"the last one")
    return data
