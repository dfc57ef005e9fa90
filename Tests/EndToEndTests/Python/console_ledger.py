"""A ledger in memory with the JSON of immugw: what the tests of the console run against without a server, and what a
server would answer that has cut, forked or replaced its history.

Written from RFC 6962 and the table of routes alone; shares no code with the gateway.
"""

import base64
import struct
import time

from console_tree import Tree, leaf_digest

SERVER = "dc1jror8di1986gclkv0"


def content(payload, timestamp):
    """The encoding of Content."""
    def varint(number):
        data = b""
        while number >= 0x80:
            data += bytes([number & 0x7F | 0x80])
            number >>= 7
        return data + bytes([number])
    return (b"\x08" + varint(timestamp) if timestamp else b"") + (
        b"\x12" + varint(len(payload)) + payload if payload else b"")


def decoded(value):
    """Timestamp and payload of a stored value; a raw value is its own payload."""
    if value[:1] in (b"\x08", b"\x12"):
        for timestamp, rest in _timestamps(value):
            for skip in range(1, 11):
                payload = rest[1 + skip:]
                if content(payload, timestamp) == value:
                    return timestamp, payload
    return 0, value


def _timestamps(value):
    if value[0] == 0x12:
        yield 0, value
        return
    number = 0
    for place, byte in enumerate(value[1:11]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            yield number, value[2 + place:]
            return


class Refused(Exception):
    """A call that ends with an error: HTTP status, gRPC code, message."""


def encoded(data):
    return base64.b64encode(data).decode()


def plain(data):
    return base64.b64decode(data or "")


class Ledger:
    """Entries, their tree, and the answers of the gateway's routes."""

    def __init__(self, server=SERVER, entries=()):
        self.server = server
        self.entries = []
        self.tree = Tree()
        self.references = {}
        self.sets = {}
        self.tokens = None  # None: without users; else the tokens that are let in
        for key, value in entries:
            self.append(key, value)

    def append(self, key, value):
        index = len(self.entries)
        self.entries.append((key, value))
        self.tree.leaves.append(leaf_digest(index, key, value))
        return index

    def fork(self, index, value):
        """A ledger of the same server with another value at an index, and right proofs of it."""
        entries = list(self.entries)
        entries[index] = (entries[index][0], value)
        return Ledger(self.server, entries)

    def cut(self, size):
        return Ledger(self.server, self.entries[:size])

    # Answers. Standard routes write 64-bit numbers as texts and leave out zeros.

    def answer(self, method, route, body, token=None):
        """The JSON of a success, and whether the route is a standard one."""
        name, _, argument = route.partition("/")
        if method == "POST" and name == "login":
            return self._login(body), True
        if self.tokens is not None and name not in ("root", "healthresponse") and token not in self.tokens:
            raise Refused(401, 16, "no Authorization header found on request" if token is None else "invalid token")
        if method == "GET" and route.startswith("item/index/"):
            return self._item(self._known(route.split("/")[2])), True
        if method == "GET" and name == "item":
            return self._item(self._newest(self._key(argument))), True
        if method == "GET" and name == "history":
            return self._history(self._key(argument)), False
        if method == "POST" and name == "item" and not argument:
            index = self.append(plain(body["key"]), content(plain(body.get("value")), int(time.time())))
            self.references.pop(plain(body["key"]), None)
            return ({"index": index} if index else {}), False
        call = getattr(self, f"_{method}_{route.replace('/', '_')}" if method == "POST" else f"_GET_{name}", None)
        if call is None:
            raise Refused(404, 0, "Not Found")
        return call(body if method == "POST" else argument), True

    @staticmethod
    def _key(text):
        key = base64.b64decode(text, altchars=b"-_")
        if not key or key[0] == 0:
            raise Refused(400, 3, "invalid key")
        return key

    def _known(self, text):
        if not self.entries or int(text) >= len(self.entries):
            raise Refused(404, 5, "index not found")
        return int(text)

    def _item(self, index):
        key, value = self.entries[index]
        item = {"key": encoded(key), "value": encoded(value), "index": str(index)}
        return {name: field for name, field in item.items() if field not in ("", "0")}

    def _versions(self, key):
        return [index for index, (one, _) in enumerate(self.entries) if one == key]

    def _newest(self, key):
        versions = self._versions(self.references.get(key, key))
        if not versions:
            raise Refused(404, 5, "Key not found")
        return versions[-1]

    def _history(self, key):
        items = []
        for index in reversed(self._versions(key)):
            timestamp, payload = decoded(self.entries[index][1])
            value = {"timestamp": timestamp, "payload": encoded(payload)}
            items.append({"index": index, "key": encoded(key), "value": {n: v for n, v in value.items() if v}})
        return {"items": items} if items else {}

    def _login(self, body):
        if self.tokens is None:
            raise Refused(503, 14, "authentication is disabled on server")
        if (plain(body.get("user")), plain(body.get("password"))) != (b"immu", b"Secret-1"):
            raise Refused(403, 7, "invalid user or password")
        self.tokens.add("v2.public.token")
        return {"token": encoded(b"v2.public.token")}

    def _GET_root(self, _):
        size = len(self.entries)
        return {} if size == 0 else self._without_zero(index=str(size - 1), root=encoded(self.tree.root(0, size)))

    def _GET_healthresponse(self, _):
        return {"status": True}

    def _GET_inclusionproof(self, argument):
        index, size = self._known(argument), len(self.entries)
        return self._without_zero(
            at=str(size - 1), index=str(index), root=encoded(self.tree.root(0, size)),
            leaf=encoded(self.tree.leaves[index]), path=[encoded(node) for node in self.tree.inclusion(index, size)])

    def _GET_consistencyproof(self, argument):
        first, size = self._known(argument), len(self.entries)
        return self._without_zero(
            first=str(first), second=str(size - 1), secondRoot=encoded(self.tree.root(0, size)),
            path=[encoded(node) for node in self.tree.consistency(first + 1, size)])

    def _POST_item_scan(self, body):
        prefix, offset = plain(body.get("prefix")), plain(body.get("offset"))
        is_reverse = bool(body.get("reverse"))
        ordinary = [key for key, _ in self.entries if key not in self.references and key not in self.set_keys()]
        keys = sorted({key for key in ordinary if key.startswith(prefix)}, reverse=is_reverse)
        if offset:
            keys = [key for key in keys if (key < offset if is_reverse else key > offset)]
        return self._items(self._newest(key) for key in keys[:int(body.get("limit") or 1000)])

    def set_keys(self):
        return {name + struct.pack(">d", score) + key for name, all in self.sets.items() for score, key in all}

    def _POST_zscan(self, body):
        members = sorted(self.sets.get(plain(body["set"]), set()), reverse=bool(body.get("reverse")))
        return self._items(self._versions(key)[-1] for _, key in members[:int(body.get("limit") or 1000)])

    def _POST_batch_set(self, body):
        for pair in body["KVs"]:
            last = self.append(plain(pair["key"]), plain(pair.get("value")))
        return {"index": str(last)}

    def _POST_reference(self, body):
        name, key = plain(body["reference"]), plain(body["key"])
        self.references[name] = key
        return {"index": str(self.append(name, key))}

    def _POST_zadd(self, body):
        name, score, key = plain(body["set"]), float(body["score"]), plain(body["key"])
        self.sets.setdefault(name, set()).add((score, key))
        return {"index": str(self.append(name + struct.pack(">d", score) + key, key))}

    def _items(self, indexes):
        items = [self._item(index) for index in indexes]
        return {"items": items} if items else {}

    @staticmethod
    def _without_zero(**fields):
        return {name: value for name, value in fields.items() if value not in ("0", "", [])}
