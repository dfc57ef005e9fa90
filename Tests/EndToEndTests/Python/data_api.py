"""Makes every data call of immudb 0.6, as a client that knows only the .proto files and keeps its own list of
leaves: each answer, root and proof must follow from that list.

    data_api.py PORT write STATE      writes entries of every kind, and checks everything
    data_api.py PORT reread STATE     after a restart: checks everything, writes more, checks again
    data_api.py PORT crowd STATE      500 verified sets at once, then checks everything

Ends with 0 if everything held; otherwise with the exception of the first check that failed.
"""

import json
import math
import random
import sys
import threading

import grpc
from google.protobuf import empty_pb2

from first_light import expect, expect_error
from immudb_wire import Client, VerificationFailed, schema
from ledger_model import LedgerModel, MEMBER, REFERENCE, VALUE, set_entry_key

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
UNSTRUCTURED = grpc.StatusCode.FAILED_PRECONDITION
NOT_STRUCTURED = "unexpected not structured value encountered"
ODD_KEYS = [b"a", b"a\xff", b"a\xff\xff", b"a\xff\xff\x00", b"b", b"b\x00", b"\xff", b"\xff\xff", b"ab\x01"]


def content(timestamp, payload):
    return schema.Content(timestamp=timestamp, payload=payload)


def stored(timestamp, payload):
    return content(timestamp, payload).SerializeToString()


# Writing: each call goes to the server and to the model, which must agree on the index.


class Writer:
    def __init__(self, client, model):
        self.client, self.stub, self.model = client, client.stub, model

    def agree(self, index, expected):
        expect(index == expected, f"index {index} instead of {expected}")

    def plain(self, key, value):
        self.agree(self.client.set(key, value), self.model.add(VALUE, key, value))

    def safe(self, key, value):
        self.agree(self.client.safe_set(key, value), self.model.add(VALUE, key, value))

    def structured(self, key, timestamp, payload):
        request = schema.StructuredKeyValue(key=key, value=content(timestamp, payload))
        self.agree(self.stub.SetSV(request).index,
                   self.model.add(VALUE, key, stored(timestamp, payload)))

    def safe_structured(self, key, timestamp, payload):
        item = schema.StructuredKeyValue(key=key, value=content(timestamp, payload))
        proof = self.stub.SafeSetSV(
            schema.SafeSetSVOptions(skv=item, rootIndex=self.client.root_index()))
        value = stored(timestamp, payload)
        self.agree(self.client.accept(proof, key, value), self.model.add(VALUE, key, value))

    def batch(self, items):
        last = self.client.set_batch(items)
        self.agree(last, [self.model.add(VALUE, *item) for item in items][-1])

    def structured_batch(self, items):
        request = schema.SKVList(SKVs=[
            schema.StructuredKeyValue(key=key, value=content(*value)) for key, value in items])
        self.agree(self.stub.SetBatchSV(request).index,
                   [self.model.add(VALUE, key, stored(*value)) for key, value in items][-1])

    def reference(self, name, key):
        index = self.stub.Reference(schema.ReferenceOptions(reference=name, key=key)).index
        self.agree(index, self.model.add(REFERENCE, name, key))

    def safe_reference(self, name, key):
        options = schema.ReferenceOptions(reference=name, key=key)
        proof = self.stub.SafeReference(
            schema.SafeReferenceOptions(ro=options, rootIndex=self.client.root_index()))
        self.agree(self.client.accept(proof, name, key), self.model.add(REFERENCE, name, key))

    def member(self, set_name, score, key):
        index = self.stub.ZAdd(schema.ZAddOptions(set=set_name, score=score, key=key)).index
        self.agree(index, self.model.add_member(set_name, score, key))

    def safe_member(self, set_name, score, key):
        options = schema.ZAddOptions(set=set_name, score=score, key=key)
        proof = self.stub.SafeZAdd(
            schema.SafeZAddOptions(zopts=options, rootIndex=self.client.root_index()))
        self.agree(self.client.accept(proof, set_entry_key(set_name, score, key), key),
                   self.model.add_member(set_name, score, key))


def write_everything(writer, round_number):
    tag = b"%d" % round_number
    for key in ODD_KEYS:
        writer.plain(key, b"odd " + tag)
    writer.safe(b"safe" + tag, b"value")
    writer.structured(b"sv" + tag, 1795374564, b"payload " + tag)
    writer.safe_structured(b"sv" + tag, 1795374565, b"newer")
    writer.structured(b"sv-empty", 0, b"")
    writer.batch([(b"batch%d" % (number % 20), tag + b" %d" % number) for number in range(60)])
    writer.structured_batch([(b"svb%d" % (number % 3), (number, tag)) for number in range(5)])
    writer.reference(b"ref-plain", b"sv" + tag)
    writer.safe_reference(b"ref-safe" + tag, b"a\xff")
    writer.reference(b"ref-of-ref", b"ref-plain")
    writer.reference(b"a\xff\xff", b"b")  # a key may become a reference
    scores = [-math.inf, -2.5, -0.5, -0.0, 0.0, 1e-300, 0.5, 3, 3, math.inf]
    for number, score in enumerate(scores):
        add = writer.safe_member if number % 2 else writer.member
        add(b"set", score, ODD_KEYS[number % len(ODD_KEYS)])
        add(b"set2", -score, b"batch%d" % number)
    writer.member(b"set", 3, b"ref-plain")
    writer.plain(b"sv" + tag, b"no content any more")


# Checking.


def items(answer):
    return [(item.key, item.value, item.index) for item in answer.items]


def check_tree(client, model):
    size, root = client.current_root()
    expect(size == len(model.entries), f"{size} entries instead of {len(model.entries)}")
    expect(root == model.root(), "the root is not that of the entries")
    for index, (_, key, value, _) in enumerate(model.entries):
        item = client.by_index(index)
        expect((item.key, item.value, item.index) == (key, value, index), f"entry {index} differs")
        client.check_entry(index, key, value)
    for old in sorted({1, 2, 3, size // 3, size // 2, size - 1, size}):
        client.check_root(old, model.root(old))


def check_keys(client, model):
    stub = client.stub
    for key in model.keys():
        found = stub.Get(schema.Key(key=key))
        expect((found.key, found.value, found.index) == model.get(key), f"Get of {key!r} differs")
        request = schema.SafeGetOptions(key=key, rootIndex=client.root_index())
        answer = stub.SafeGet(request)
        item = answer.item
        expect((item.key, item.value, item.index) == model.get(key), f"SafeGet of {key!r} differs")
        expect(client.accept(answer.proof, item.key, item.value) == item.index, "another entry is proven")
        expect(items(stub.History(schema.Key(key=key))) == model.versions(key),
               f"the history of {key!r} differs")
    keys = model.keys()[::-1] + [b"missing"] + model.keys()[:2]
    request = schema.KeyList(keys=[schema.Key(key=key) for key in keys])
    expect(items(stub.GetBatch(request)) == [model.get(key) for key in keys if model.get(key)],
           "GetBatch differs")


def check_scans(client, model, generator):
    stub, keys = client.stub, model.keys()
    prefixes = [b"", b"a", b"a\xff", b"\xff", b"batch", b"ref", b"none", b"set"]
    offsets = [b"", b"a\xff", b"\xff\xff\xff", b"b", b"between"]
    for _ in range(150):
        prefix, offset = generator.choice(prefixes), generator.choice(offsets + keys)
        limit, reverse, deep = generator.choice([0, 1, 3, 1 << 63]), generator.random() < 0.5, generator.random() < 0.5
        answer = stub.Scan(schema.ScanOptions(
            prefix=prefix, offset=offset, limit=limit, reverse=reverse, deep=deep))
        expect(items(answer) == model.scan(prefix, offset, limit, reverse, deep),
               f"Scan of {prefix!r} after {offset!r}, {limit}, reverse {reverse}, deep {deep} differs")
    for prefix in prefixes[1:]:
        counted = stub.Count(schema.KeyPrefix(prefix=prefix)).count
        expect(counted == model.count(prefix), f"Count of {prefix!r} differs")


def check_sets(client, model, generator):
    stub = client.stub
    places = [(-0.5, b"a\xff\xff"), (0.0, b"a"), (3.0, b"zzz"), (-math.inf, b"\x01"), (1e9, b"x")]
    for name in [b"set", b"set2", b"se", b"nobody"]:
        for reverse in [False, True]:
            for limit in [0, 1, 4]:
                answer = stub.ZScan(schema.ZScanOptions(set=name, limit=limit, reverse=reverse))
                expect(items(answer) == model.members(name, None, limit, reverse),
                       f"ZScan of {name!r} differs")
                score, member = generator.choice(places)
                answer = stub.ZScan(schema.ZScanOptions(
                    set=name, limit=limit, reverse=reverse,
                    offset=set_entry_key(name, score, member)))
                expect(items(answer) == model.members(name, (score, member), limit, reverse),
                       f"ZScan of {name!r} after {score} {member!r} differs")


def check_pages(client, model):
    stub, size = client.stub, len(model.entries)
    for number, page_size in [(0, 0), (5, 0), (0, 7), (1, 7), (2, 7), (1, size), (1, size - 1), (2, size - 1),
                              (1, 1 << 63), (size, 1), (3, size // 3), (4, size // 3)]:
        request = schema.IScanOptions(pageNumber=number, pageSize=page_size)
        expected = model.page(number, page_size)
        if expected is None:
            expect_error(NOT_FOUND, "index not found", lambda: stub.IScan(request))
            continue
        answer = stub.IScan(request)
        expect((items(answer), answer.more) == expected, f"page {number} of {page_size} differs")
    for request in [schema.IScanOptions(pageNumber=2, pageSize=size), schema.IScanOptions(pageNumber=size + 1, pageSize=1)]:
        expect_error(NOT_FOUND, "index not found", lambda: stub.IScan(request))


def check_structured(client, model):
    """Compares each SV read with its plain one: the same items with decoded values, or the error."""
    stub = client.stub
    for key in model.keys():
        value = model.get(key)[1]
        decoded = canonical(value)
        for call, request in [(stub.GetSV, schema.Key(key=key)),
                              (stub.SafeGetSV, schema.SafeGetOptions(key=key, rootIndex=client.root_index()))]:
            if decoded is None:
                expect_error(UNSTRUCTURED, NOT_STRUCTURED, lambda: call(request))
                continue
            answer = call(request)
            item = answer.item if hasattr(answer, "item") else answer
            expect((item.key, item.value, item.index) == (model.get(key)[0], decoded, model.get(key)[2]),
                   f"the structured value of {key!r} differs")
            if item is not answer:
                client.accept(answer.proof, item.key, value)
    key = b"sv-empty"
    expect([item.index for item in stub.HistorySV(schema.Key(key=key)).items]
           == [item[2] for item in model.versions(key)], "HistorySV differs")
    answer = stub.ScanSV(schema.ScanOptions(prefix=b"svb"))
    expect([(item.key, item.value.SerializeToString(), item.index) for item in answer.items]
           == model.scan(b"svb"), "ScanSV differs")
    answer = stub.GetBatchSV(schema.KeyList(keys=[schema.Key(key=b"svb1"), schema.Key(key=b"none")]))
    expect([item.key for item in answer.items] == [b"svb1"], "GetBatchSV differs")
    index = model.newest(b"svb1")[2]
    item = stub.ByIndexSV(schema.Index(index=index))
    expect(item.value.SerializeToString() == model.newest(b"svb1")[1], "ByIndexSV differs")
    page = stub.IScanSV(schema.IScanOptions(pageNumber=index + 1, pageSize=1))
    expect((page.pageNum, page.more, page.items[0].index) == (index + 1, True, index), "IScanSV differs")
    expect_error(UNSTRUCTURED, f"{NOT_STRUCTURED}: key a", lambda: stub.ScanSV(schema.ScanOptions(prefix=b"a", limit=1)))
    expect(not stub.ZScanSV(schema.ZScanOptions(set=b"nobody")).items, "an unknown set is not empty")


def canonical(value):
    """Returns the Content whose stored form is exactly these bytes, or None."""
    try:
        decoded = schema.Content.FromString(value)
    except Exception:
        return None
    fields = schema.Content(timestamp=decoded.timestamp, payload=decoded.payload)
    return fields if fields.SerializeToString() == value else None


def check_dump(client, model):
    dumped = [kv for message in client.stub.Dump(empty_pb2.Empty()) for kv in message.kv]
    expect(len(dumped) == len(model.entries), "Dump has not all entries")
    for index, (kv, (kind, key, value, _)) in enumerate(zip(dumped, model.entries)):
        expect((kv.key, kv.value, kv.version) == (key, value, index + 1), f"Dump differs at {index}")
        expect(kv.user_meta == (b"\0" if kind == VALUE else b"\1"), f"user_meta differs at {index}")
        expect(kv.stream_id >= 1 and not kv.meta and not kv.stream_done, f"KV differs at {index}")


def check_everything(client, model):
    generator = random.Random(len(model.entries))
    check_tree(client, model)
    check_keys(client, model)
    check_scans(client, model, generator)
    check_sets(client, model, generator)
    check_pages(client, model)
    check_structured(client, model)
    check_dump(client, model)
    expect(client.current_root() == (len(model.entries), model.root()), "reading changed the tree")


# The three parts.


def write(port, state_path):
    client, model = Client(port), LedgerModel()
    expect(not list(client.stub.Dump(empty_pb2.Empty())), "the dump of an empty database is not empty")
    expect(not client.stub.Scan(schema.ScanOptions()).items, "a new database has keys")
    for name in ["CreateUser", "ChangePassword", "DeleteUser"]:
        call = getattr(client.stub, name)
        request = getattr(schema, name + "Request")()
        unauthenticated = grpc.StatusCode.UNAUTHENTICATED
        expect_error(unauthenticated, "no Authorization header found on request", lambda: call(request))
    write_everything(Writer(client, model), 1)
    check_everything(client, model)
    save(state_path, client, model)


def reread(port, state_path):
    client, model = load(port, state_path)
    check_everything(client, model)
    write_everything(Writer(client, model), len(model.entries))
    check_everything(client, model)
    save(state_path, client, model)


def crowd(port, state_path):
    """Makes 500 verified sets on 50 threads, each with its own trusted root, beside a dump."""
    client, model = load(port, state_path)
    before = len(model.entries)
    written, failures = {}, []

    def work(number):
        try:
            own = Client(port, client.trusted)
            for round_number in range(10):
                key, value = b"crowd%d" % number, b"%d" % round_number
                written[own.safe_set(key, value)] = (key, value)
            own.close()
        except (grpc.RpcError, VerificationFailed) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    dumped = sum(len(message.kv) for message in client.stub.Dump(empty_pb2.Empty()))
    for thread in threads:
        thread.join()
    expect(not failures, f"{len(failures)} threads failed: {failures[:1]}")
    expect(before <= dumped <= before + 500, "the dump is of no moment")
    expect(sorted(written) == list(range(before, before + 500)), "indexes are not dense")
    for index in sorted(written):
        model.add(VALUE, *written[index])
    check_everything(client, model)
    save(state_path, client, model)


def save(path, client, model):
    def encoded(place):
        return [place[0].hex(), float(place[1]).hex()] if place else None
    with open(path, "w") as file:
        json.dump({
            "entries": [(kind, key.hex(), value.hex(), encoded(place)) for kind, key, value, place in model.entries],
            "size": client.trusted[0], "root": client.trusted[1].hex()}, file)


def load(port, path):
    def decoded(place):
        return (bytes.fromhex(place[0]), float.fromhex(place[1])) if place else None
    with open(path) as file:
        state = json.load(file)
    entries = [(kind, bytes.fromhex(key), bytes.fromhex(value), decoded(place))
               for kind, key, value, place in state["entries"]]
    return Client(port, (state["size"], bytes.fromhex(state["root"]))), LedgerModel(entries)


if __name__ == "__main__":
    {"write": write, "reread": reread, "crowd": crowd}[sys.argv[2]](int(sys.argv[1]), sys.argv[3])
