"""A client's knowledge of its writes, and the entries that a server must therefore have after a restart.

A write is acknowledged with an index; or refused by a status that says that it is certainly not stored; or
its outcome is unknown. Nothing else counts, neither the server's log nor the state of its files.
"""

import copy
import itertools
import time

import grpc

from immudb_wire import Client, VerificationFailed, leaf_digest, naive_root, schema
from ledger_model import LedgerModel, MEMBER, VALUE

Code = grpc.StatusCode
NOT_STORED = {Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.INVALID_ARGUMENT, Code.NOT_FOUND,
              Code.FAILED_PRECONDITION, Code.OUT_OF_RANGE, Code.UNIMPLEMENTED, Code.PERMISSION_DENIED,
              Code.UNAUTHENTICATED, Code.ABORTED, Code.ALREADY_EXISTS}
PATIENCE_SECONDS = 5


def is_answer_of_server(error):
    """Whether the status came from the server, not from the client's library: each answer has its uuid."""
    pairs = itertools.chain(error.initial_metadata() or (), error.trailing_metadata() or ())
    return any(key == "immudb-uuid" for key, _ in pairs)


def is_certainly_not_stored(error):
    return error.code() in NOT_STORED and is_answer_of_server(error)


def status_text(error):
    if isinstance(error, grpc.RpcError):
        return f"{error.code().name} \"{error.details()}\""
    return str(error)


class Entry:
    """One entry of the ledger. `place` is (set, score) of a member."""

    def __init__(self, kind, key, value, place=None):
        self.kind, self.key, self.value, self.place = kind, key, value, place

    def is_same(self, other):
        return (self.key, self.value) == (other.key, other.value)


class Oracle:
    def __init__(self):
        self.acknowledged, self.refused, self.unknown = {}, [], []
        self.roots, self.problems, self.statuses = {}, [], []

    def continued(self):
        """A copy, for a run that begins where this one ended."""
        other = copy.deepcopy(self)
        other.problems, other.statuses = [], []
        return other

    def problem(self, kind, what):
        self.problems.append((kind, what))

    def write(self, entries, call):
        """Makes one call that writes the entries and answers with the last index. Returns its error."""
        try:
            last = call()
        except grpc.RpcError as error:
            self.statuses.append(status_text(error))
            (self.refused if is_certainly_not_stored(error) else self.unknown).append(entries)
            return error
        except VerificationFailed as error:
            self.problem("a proof does not hold", f"answer to a write of {entries[0].key!r}: {error}")
            self.unknown.append(entries)
            return error
        for index, entry in enumerate(entries, last - len(entries) + 1):
            if index in self.acknowledged:
                self.problem("an index was given twice", f"index {index}")
            self.acknowledged[index] = entry
        return None

    def root(self, size, root):
        if size and self.roots.setdefault(size, root) != root:
            self.problem("two roots of one tree", f"size {size}")

    # While the server runs.

    def demand_reads(self, client_of, sample, deadline):
        """Checks that every entry of the sample is there by index and by key. Allows some time for a shortage to pass."""
        for index in sample:
            entry = self.acknowledged[index]
            while True:
                client = client_of()
                try:
                    item = client.by_index(index, timeout=5)
                    if (item.key, item.value) != (entry.key, entry.value):
                        return self.problem("wrong data", f"entry {index} is not what was acknowledged")
                    if entry.kind == VALUE and not self.has_other_versions(entry.key):
                        item = client.safe_get(entry.key, timeout=5)
                        if (item.index, item.value) != (index, entry.value):
                            return self.problem("wrong data", f"a get of {entry.key!r}, entry {index}")
                    break
                except VerificationFailed as error:
                    return self.problem("a proof does not hold", f"reading entry {index}: {error}")
                except grpc.RpcError as error:
                    if time.monotonic() > deadline:
                        return self.problem(
                            "reads do not come back", f"entry {index}: {status_text(error)}")
                    time.sleep(0.05)

    def has_other_versions(self, key):
        return key.startswith(b"hot")

    def demand_writes(self, client_of, name, deadline):
        """Writes until one is acknowledged. Returns None, or the last error."""
        for turn in itertools.count():
            client = client_of()
            key = b"again-%s-%d" % (name, turn)
            error = self.write([Entry(VALUE, key, b"value")], lambda: client.set(key, b"value", timeout=5))
            if error is None or time.monotonic() > deadline:
                return error
            time.sleep(0.05)

    # After a restart without faults.

    def check(self, port, is_damage_allowed=False):
        """Checks that every acknowledged entry is there, and no entry that cannot be."""
        client = Client(port)
        try:
            self.check_with(client)
        except VerificationFailed as error:
            self.problem("a proof does not hold", str(error))
        except grpc.RpcError as error:
            if not (is_damage_allowed and error.code() == Code.DATA_LOSS):
                self.problem("a read fails after a restart without faults", status_text(error))
        finally:
            client.close()

    def check_with(self, client):
        size, root = client.current_root()
        entries = read_all(client, size)
        model = self.attribute(entries)
        if size and naive_root([leaf_digest(*each) for each in zip(
                range(size), (entry.key for entry in entries), (entry.value for entry in entries))]) != root:
            self.problem("the root is not that of the entries", f"size {size}")
        for tree_size, old_root in self.roots.items():
            if tree_size > size:
                self.problem("the tree is shorter than a root that was seen", f"{size} < {tree_size}")
            else:
                client.check_root(tree_size, old_root)
        if model is None:
            return
        for index, entry in sorted(self.acknowledged.items())[-150:]:
            client.check_entry(index, entry.key, entry.value)
        self.check_views(client, model)

    def attribute(self, entries):
        """Finds the write of each entry. Returns the model if every entry has one."""
        sound, kinds = True, {}
        for index, entry in self.acknowledged.items():
            if index >= len(entries) or not entries[index].is_same(entry):
                there = "not there" if index >= len(entries) else f"{entries[index].key!r}"
                self.problem("an acknowledged entry is lost", f"entry {index}, {entry.key!r}: {there}")
                sound = False
            kinds[index] = entry
        unknown = list(self.unknown)
        index = 0
        while index < len(entries):
            if index in kinds:
                index += 1
                continue
            batch = next((batch for batch in unknown if batch[0].is_same(entries[index])), None)
            if batch is None:
                sound = False
                refused = any(entries[index].is_same(entry) for batch in self.refused for entry in batch)
                self.problem(
                    "refused as not stored, but stored" if refused else "an entry that nobody wrote, or twice",
                    f"entry {index}, {entries[index].key!r}")
                index += 1
                continue
            unknown.remove(batch)
            for entry in batch:
                if index >= len(entries) or not entries[index].is_same(entry):
                    self.problem("a batch is not whole", f"entry {index}, {entry.key!r}")
                    sound = False
                kinds[index] = entry
                index += 1
        if not sound:
            return None
        model = LedgerModel()
        for index in range(len(entries)):
            entry = kinds[index]
            model.add(entry.kind, entry.key, entry.value, entry.place)
        return model

    def check_views(self, client, model):
        """Checks that the answers about keys, references and sets follow from the entries."""
        found = scan_all(client)
        if [(item.key, item.value, item.index) for item in found] != model.scan():
            self.problem("a scan differs from the entries", f"{len(found)} items")
        for name in {entry[3][0] for entry in model.entries if entry[0] == MEMBER}:
            found = client.stub.ZScan(schema.ZScanOptions(set=name), timeout=30).items
            if [(item.key, item.value, item.index) for item in found] != model.members(name):
                self.problem("a sorted set differs from the entries", f"set {name!r}, {len(found)} items")
        for key in {batch[0].key for batch in self.refused if batch[0].kind == VALUE}:
            try:
                client.stub.Get(schema.Key(key=key), timeout=5)
                if model.get(key) is None:
                    self.problem("refused as not stored, but stored", f"key {key!r}")
            except grpc.RpcError as error:
                if error.code() != Code.NOT_FOUND:
                    raise


def read_all(client, size):
    """Reads all entries by pages, or one by one if a page is too large."""
    entries = []
    for page in range(1, size // 200 + 2):
        request = schema.IScanOptions(pageSize=200, pageNumber=page)
        try:
            items = client.stub.IScan(request, timeout=30).items if len(entries) < size else []
        except grpc.RpcError as error:
            if error.code() != Code.RESOURCE_EXHAUSTED:
                raise
            items = [client.by_index(index) for index in range(len(entries), min(size, 200 * page))]
        entries += [Entry(None, item.key, item.value) for item in items]
    if len(entries) < size:
        raise VerificationFailed(f"the pages have {len(entries)} of {size} entries")
    return entries[:size]


def scan_all(client):
    """Reads all keys in order, from answers that may end early."""
    items = []
    while True:
        offset = items[-1].key if items else b""
        found = client.stub.Scan(schema.ScanOptions(offset=offset), timeout=30).items
        if not found:
            return items
        items += found


class Clients:
    """A client that is replaced when its connection is broken."""

    def __init__(self, port):
        self.port, self.client = port, None

    def __call__(self):
        if self.client is None:
            self.client = Client(self.port)
        return self.client

    def renew(self):
        self.close()
        return self()

    def close(self):
        if self.client is not None:
            self.client.close()
        self.client = None
