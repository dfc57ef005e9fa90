"""A client that makes all kinds of writes and reads, in an order that depends on a seed."""

import random

import grpc

from google.protobuf import empty_pb2
from immudb_wire import VerificationFailed, schema
from ledger_model import MEMBER, REFERENCE, VALUE, set_entry_key
from torture_oracle import Entry, status_text

SIZES = [0, 10, 100, 1000, 5000, 20000]
SECONDS = 10


class Workload:
    """One run of calls, one after another. Their answers go to the oracle."""

    def __init__(self, client_of, oracle, seed, name):
        self.client_of, self.oracle, self.name = client_of, oracle, name
        self.random = random.Random(seed)
        self.count = 0
        self.read_errors = []

    def run(self, turns):
        kinds = ([self.set] * 4 + [self.safe_set] * 4 + [self.batch] * 2 + [self.crowd] + [self.hot]
                 + [self.reference] + [self.member] + [self.get] * 3 + [self.walk] * 2 + [self.root] * 2)
        for _ in range(turns):
            self.random.choice(kinds)()

    def entry(self):
        self.count += 1
        return Entry(VALUE, b"%s-%04d" % (self.name, self.count),
                     self.random.randbytes(self.random.choice(SIZES)))

    @property
    def stub(self):
        return self.client_of().stub

    # Writes.

    def set(self):
        entry = self.entry()
        client = self.client_of()
        self.oracle.write([entry], lambda: client.set(entry.key, entry.value, timeout=SECONDS))

    def hot(self):
        """A key of many versions."""
        entry = self.entry()
        entry.key = b"hot"
        client = self.client_of()
        self.oracle.write([entry], lambda: client.set(entry.key, entry.value, timeout=SECONDS))

    def safe_set(self):
        entry = self.entry()
        client = self.client_of()
        self.oracle.write([entry], lambda: client.safe_set(entry.key, entry.value, timeout=SECONDS))
        self.trust(client)

    def trust(self, client):
        if client.trusted:
            self.oracle.root(*client.trusted)

    def batch(self):
        entries = [self.entry() for _ in range(self.random.randint(2, 12))]
        client = self.client_of()
        self.oracle.write(entries, lambda: client.set_batch(
            [(entry.key, entry.value) for entry in entries], timeout=SECONDS))

    def crowd(self):
        """Makes writes at the same time, which share a frame."""
        entries = [self.entry() for _ in range(6)]
        calls = [self.stub.Set.future(schema.KeyValue(key=entry.key, value=entry.value), timeout=SECONDS)
                 for entry in entries]
        for entry, call in zip(entries, calls):
            self.oracle.write([entry], lambda: call.result().index)

    def target(self):
        """The key of an acknowledged value; a call on an unknown one would be refused for that."""
        values = [entry.key for entry in self.oracle.acknowledged.values()
                  if entry.kind == VALUE and entry.key != b"hot"]
        return self.random.choice(values[-50:]) if values else None

    def reference(self):
        key = self.target()
        if key is None:
            return
        self.count += 1
        entry = Entry(REFERENCE, b"%s-ref-%04d" % (self.name, self.count), key)
        request = schema.ReferenceOptions(reference=entry.key, key=key)
        client = self.client_of()
        if self.random.random() < 0.5:
            self.oracle.write([entry], lambda: client.stub.Reference(request, timeout=SECONDS).index)
            return
        safe = schema.SafeReferenceOptions(ro=request, rootIndex=client.root_index())
        self.oracle.write([entry], lambda: client.accept(
            client.stub.SafeReference(safe, timeout=SECONDS), entry.key, entry.value))

    def member(self):
        key = self.target()
        if key is None:
            return
        name, score = b"set-%d" % self.random.randint(0, 2), self.random.uniform(-10, 10)
        entry = Entry(MEMBER, set_entry_key(name, score, key), key, (name, score))
        request = schema.ZAddOptions(set=name, score=score, key=key)
        client = self.client_of()
        if self.random.random() < 0.5:
            self.oracle.write([entry], lambda: client.stub.ZAdd(request, timeout=SECONDS).index)
            return
        safe = schema.SafeZAddOptions(zopts=request, rootIndex=client.root_index())
        self.oracle.write([entry], lambda: client.accept(
            client.stub.SafeZAdd(safe, timeout=SECONDS), entry.key, entry.value))

    # Reads. They may fail while a fault lasts, but their answers are true.

    def read(self, call):
        try:
            return call()
        except grpc.RpcError as error:
            self.read_errors.append(status_text(error))
        except VerificationFailed as error:
            self.oracle.problem("a proof does not hold", f"answer to a read: {error}")
        return None

    def get(self):
        acknowledged = self.oracle.acknowledged
        if not acknowledged:
            return
        index = self.random.choice(list(acknowledged))
        entry = acknowledged[index]
        item = self.read(lambda: self.client_of().by_index(index, timeout=SECONDS))
        if item and (item.key, item.value) != (entry.key, entry.value):
            self.oracle.problem("wrong data", f"entry {index} is not what was acknowledged")
        if entry.kind == VALUE and entry.key != b"hot":
            client = self.client_of()
            item = self.read(lambda: client.safe_get(entry.key, timeout=SECONDS))
            if item and (item.index, item.value) != (index, entry.value):
                self.oracle.problem("wrong data", f"a verified get of {entry.key!r}")
            self.trust(client)

    def walk(self):
        call = self.random.choice([
            lambda: self.stub.Scan(schema.ScanOptions(prefix=self.name, limit=50), timeout=SECONDS).items,
            lambda: self.stub.ZScan(schema.ZScanOptions(set=b"set-1", limit=50), timeout=SECONDS).items,
            lambda: self.stub.IScan(schema.IScanOptions(pageSize=50, pageNumber=1), timeout=SECONDS).items,
            lambda: self.stub.History(schema.Key(key=b"hot"), timeout=SECONDS).items,
            lambda: [schema.Item(key=pair.key, value=pair.value, index=pair.version - 1)
                     for answer in self.stub.Dump(empty_pb2.Empty(), timeout=SECONDS) for pair in answer.kv],
        ])
        for item in self.read(call) or ():
            entry = self.oracle.acknowledged.get(item.index)
            if entry and (entry.key, entry.value) != (item.key, item.value):
                self.oracle.problem("wrong data", f"a walk shows entry {item.index} as {item.key!r}")

    def root(self):
        answer = self.read(lambda: self.client_of().current_root(timeout=SECONDS))
        if answer:
            self.oracle.root(*answer)
