"""Makes calls of immudb as a client that knows only the .proto files.

    first_light.py PORT write STATE     writes entries and checks every proof; keeps the trusted root
    first_light.py PORT reread STATE    after a restart: checks that everything is there and proven
    first_light.py PORT crowd           64 threads of verified writes at once

Ends with 0 if everything held; otherwise with the exception of the first check that failed.
"""

import json
import sys
import threading

import grpc
from google.protobuf import empty_pb2

from immudb_wire import Client, check_inclusion, leaf_digest, naive_root, schema, split


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_error(code, message, call):
    """Makes a call, and expects a status with the server's identity in its headers."""
    try:
        call()
    except grpc.RpcError as error:
        expect(error.code() == code, f"{error.code()} instead of {code}: {error.details()}")
        expect(error.details() == message, f"{error.details()!r} instead of {message!r}")
        identity = dict(error.initial_metadata() or ()).get("immudb-uuid")
        expect(identity and len(identity) == 20, "an error came without the server's identity")
        return
    raise AssertionError(f"no error, but {message!r} was expected")


def write(port, state_path):
    client = Client(port)
    stub = client.stub
    entries = []  # (key, value), by index

    expect(stub.Health(empty_pb2.Empty()).status, "the server is not healthy")
    expect(client.current_root() == (0, b""), "a new database is not empty")
    not_found = grpc.StatusCode.NOT_FOUND
    expect_error(not_found, "index not found", lambda: stub.Inclusion(schema.Index()))
    expect_error(not_found, "index not found", lambda: stub.Consistency(schema.Index()))
    expect_error(not_found, "Key not found", lambda: stub.Get(schema.Key(key=b"none")))
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    expect_error(invalid, "invalid key", lambda: client.set(b"", b"x"))
    expect_error(invalid, "invalid key", lambda: stub.Get(schema.Key(key=b"\0a")))
    expect_error(
        grpc.StatusCode.UNAVAILABLE, "authentication is disabled on server",
        lambda: stub.Login(schema.LoginRequest()))

    expect(client.set(b"plain", b"value") == 0, "the first index is not 0")
    entries.append((b"plain", b"value"))
    for number in range(40):
        key, value = b"safe%d" % (number % 7), b"value%d" % number
        index = client.safe_set(key, value)
        expect(index == len(entries), "indexes are not dense")
        entries.append((key, value))

    batch = [(b"batch%d" % (number % 50), b"b%d" % number) for number in range(100)]
    expect(client.set_batch(batch) == len(entries) + 99, "the batch's last index is wrong")
    entries += batch
    large = bytes(range(256)) * 4096
    entries.append((b"large", large))
    expect(client.safe_set(b"large", large) == len(entries) - 1, "the large entry's index is wrong")
    entries.append((b"bytes\0\xff", b""))
    client.safe_set(b"bytes\0\xff", b"")

    check_all(client, entries)
    size, root = client.trusted
    with open(state_path, "w") as file:
        json.dump({
            "entries": [(key.hex(), value.hex()) for key, value in entries],
            "size": size, "root": root.hex(), "uuid": identity(client),
        }, file)


def reread(port, state_path):
    with open(state_path) as file:
        state = json.load(file)
    entries = [(bytes.fromhex(key), bytes.fromhex(value)) for key, value in state["entries"]]
    client = Client(port, trusted=(state["size"], bytes.fromhex(state["root"])))
    expect(identity(client) == state["uuid"], "the server's identity changed")
    expect(client.current_root() == client.trusted, "the root changed over a restart")
    check_all(client, entries)
    entries.append((b"safe0", b"after the restart"))
    expect(client.safe_set(*entries[-1]) == len(entries) - 1, "an index was given twice")
    check_all(client, entries)


def check_all(client, entries):
    """Checks that all ways of reading agree, and that every proof holds."""
    stub = client.stub
    newest, versions = {}, {}
    for index, (key, value) in enumerate(entries):
        newest[key] = (index, value)
        versions.setdefault(key, []).insert(0, (index, value))
        item = client.by_index(index)
        expect((item.key, item.value, item.index) == (key, value, index), f"entry {index} differs")
        client.check_entry(index, key, value)
    for key, (index, value) in newest.items():
        item = stub.Get(schema.Key(key=key))
        expect((item.value, item.index) == (value, index), f"Get of {key!r} differs")
        item = client.safe_get(key)
        expect((item.value, item.index) == (value, index), f"SafeGet of {key!r} differs")
        history = stub.History(schema.Key(key=key)).items
        expect([(item.index, item.value) for item in history] == versions[key],
               f"the history of {key!r} differs")
    keys = list(newest)[::-1] + [b"missing"] + list(newest)[:1]
    items = stub.GetBatch(schema.KeyList(keys=[schema.Key(key=key) for key in keys])).items
    found = [key for key in keys if key in newest]
    expect([item.key for item in items] == found, "GetBatch does not keep the order")

    leaves = [leaf_digest(index, key, value) for index, (key, value) in enumerate(entries)]
    size, root = client.current_root()
    expect((size, root) == (len(leaves), naive_root(leaves)), "the root is not that of the entries")
    for old in {1, 2, 3, split(size), size // 2 + 1, size - 1, size}:
        client.check_root(old, naive_root(leaves[:old]))
    last = schema.Index(index=size - 1)
    expect(not stub.Consistency(last).path, "a tree is not consistent with itself by an empty path")
    expect_error(grpc.StatusCode.NOT_FOUND, "index not found",
                 lambda: stub.Consistency(schema.Index(index=size)))
    expect_error(grpc.StatusCode.INVALID_ARGUMENT, "invalid root index",
                 lambda: stub.SafeGet(schema.SafeGetOptions(key=keys[0], rootIndex=schema.Index(index=size))))


def identity(client):
    _, call = client.stub.Health.with_call(empty_pb2.Empty())
    return dict(call.initial_metadata())["immudb-uuid"]


def crowd(port, thread_count=64, writes_each=20):
    """Checks that every proof of every thread holds, and that all threads saw prefixes of one history."""
    clients = [Client(port) for _ in range(8)]
    seen, failures, lock = {}, [], threading.Lock()

    def work(number):
        try:
            client = Client.__new__(Client)
            client.stub, client.trusted = clients[number % len(clients)].stub, None
            for turn in range(writes_each):
                key, value = b"crowd%d-%d" % (number, turn), b"v%d" % turn
                index = client.safe_set(key, value)
                with lock:
                    known = seen.setdefault(client.trusted[0], client.trusted[1])
                expect(known == client.trusted[1], "two roots of one size")
                item = client.safe_get(key)
                expect((item.index, item.value) == (index, value), "an own write is not seen")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(thread_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    for size, root in seen.items():
        clients[0].check_root(size, root)
    print(f"{thread_count * writes_each} verified writes, {len(seen)} roots seen, all consistent")


if __name__ == "__main__":
    port, task = int(sys.argv[1]), sys.argv[2]
    {"write": write, "reread": reread, "crowd": crowd}[task](port, *sys.argv[3:])
    print(f"{task}: everything held")
