"""Prints vectors.json: what a driver has to compute, accept and refuse, as a real server answers.

    record.py PORT > vectors.json     PORT: a server on 127.0.0.1 with an empty database

The answers are the same each time. Roots and paths are compared with the recursive definitions of RFC 6962,
section 2.1, before they are printed. The cases to refuse are true answers with one change each.
"""

import copy
import hashlib
import json
import pathlib
import struct
import sys

import grpc
from google.protobuf import empty_pb2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Sources" / "ImmudbProtocol" / "Protos"))
schema, services = grpc.protos_and_services("schema.proto")

PLAIN = [(b"key%d" % i, b"value%d" % i) for i in range(9)]
FILLED = PLAIN + [(b"more%d" % i, b"%d" % i) for i in range(9, 100)]
EMPTY = {"index": "0", "root": ""}


def sha(data):
    return hashlib.sha256(data).digest()


def leaf(index, key, value):
    return sha(b"\0" + struct.pack(">QQ", index, len(key)) + key + value)


def node(left, right):
    return sha(b"\1" + left + right)


def split(leaves):
    return 1 << (len(leaves) - 1).bit_length() - 1


def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha(b"")
    return node(root(leaves[:split(leaves)]), root(leaves[split(leaves):]))


def inclusion_path(leaves, index):
    if len(leaves) == 1:
        return []
    left, right = leaves[:split(leaves)], leaves[split(leaves):]
    if index < len(left):
        return inclusion_path(left, index) + [root(right)]
    return inclusion_path(right, index - len(left)) + [root(left)]


def consistency_path(leaves, size, is_whole=True):
    if size == len(leaves):
        return [] if is_whole else [root(leaves)]
    left, right = leaves[:split(leaves)], leaves[split(leaves):]
    if size <= len(left):
        return consistency_path(left, size, is_whole) + [root(right)]
    return consistency_path(right, size - len(left), False) + [root(left)]


def texts(nodes):
    return [node.hex() for node in nodes]


def changed(case, name, rule, **changes):
    """A case that is to be refused: a true one with other fields; `a__b` is field b of a."""
    case = copy.deepcopy(case)
    for path, value in changes.items():
        *outer, last = path.split("__")
        place = case
        for field in outer:
            place = place[field]
        place[last] = value(place[last]) if callable(value) else value
    return case | {"name": name, "holds": False, "rule": rule}


def other(text):
    """The digest with its last bit flipped."""
    return text[:-1] + f"{int(text[-1], 16) ^ 1:x}"


def swapped(path):
    return [path[1], path[0]] + path[2:]


class Recorder:
    def __init__(self, port):
        self.stub = services.ImmuServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
        self.leaves = []

    def trusted(self):
        size = len(self.leaves)
        return {"index": str(size - 1), "root": root(self.leaves).hex()} if size else EMPTY

    def root_index(self, trusted):
        return schema.Index(index=int(trusted["index"])) if trusted["root"] else None

    def safe_set(self, key, value):
        trusted = self.trusted()
        proof = self.stub.SafeSet(schema.SafeSetOptions(
            kv=schema.KeyValue(key=key, value=value), rootIndex=self.root_index(trusted)))
        self.leaves.append(leaf(len(self.leaves), key, value))
        return self.case("SafeSet", trusted, {"key": key.hex(), "value": value.hex()}, None, proof)

    def safe_get(self, key, trusted):
        answer = self.stub.SafeGet(schema.SafeGetOptions(key=key, rootIndex=self.root_index(trusted)))
        item = {"key": answer.item.key.hex(), "value": answer.item.value.hex(), "index": str(answer.item.index)}
        return self.case("SafeGet", trusted, {"key": key.hex()}, item, answer.proof)

    def case(self, call, trusted, request, item, proof):
        assert proof.root == root(self.leaves) and proof.leaf == self.leaves[proof.index]
        assert list(proof.inclusionPath) == inclusion_path(self.leaves, proof.index)
        if trusted["root"]:
            assert list(proof.consistencyPath) == consistency_path(self.leaves, int(trusted["index"]) + 1)
        name = f"{call} of {bytes.fromhex(request['key']).decode()}, entry {proof.index}, tree of {proof.at + 1}"
        return {"name": name, "holds": True, "call": call, "trusted": trusted, "request": request} \
            | ({"item": item} if item else {}) | {"proof": {
                "leaf": proof.leaf.hex(), "index": str(proof.index), "root": proof.root.hex(), "at": str(proof.at),
                "inclusionPath": texts(proof.inclusionPath), "consistencyPath": texts(proof.consistencyPath)}}

    def inclusion(self, index):
        proof = self.stub.Inclusion(schema.Index(index=index))
        assert proof.root == root(self.leaves) and list(proof.path) == inclusion_path(self.leaves, index)
        return {"name": f"entry {index} in a tree of {proof.at + 1}", "holds": True, "index": str(proof.index),
                "at": str(proof.at), "leaf": proof.leaf.hex(), "root": proof.root.hex(), "path": texts(proof.path)}

    def consistency(self, size):
        proof = self.stub.Consistency(schema.Index(index=size - 1))
        assert proof.secondRoot == root(self.leaves) and list(proof.path) == consistency_path(self.leaves, size)
        return {"name": f"a tree of {size} and one of {proof.second + 1}", "holds": True, "first": str(proof.first),
                "firstRoot": root(self.leaves[:size]).hex(), "second": str(proof.second),
                "secondRoot": proof.secondRoot.hex(), "path": texts(proof.path)}


def leaves():
    member = b"set" + struct.pack(">d", 1.5) + b"key"
    content = schema.Content(timestamp=1795374564, payload=b"value1").SerializeToString()
    cases = [
        ("nothing", 0, b"", b""), ("a value", 0, b"key", b"value"), ("another index", 1, b"key", b"value"),
        ("another border of key and value", 0, b"keyv", b"alue"), ("the largest index", 2**64 - 1, b"k", b""),
        ("bytes that are not text", 258, b"\xff\0", bytes(33)), ("a reference, ref to key", 7, b"ref", b"key"),
        ("a member: key in set with score 1.5", 3, member, b"key"),
        ("a structured value: Content of 1795374564 and value1", 0, b"key1", content),
    ]
    return [{"name": name, "index": str(index), "key": key.hex(), "value": value.hex(),
             "leaf": leaf(index, key, value).hex()} for name, index, key, value in cases]


def tall_inclusion():
    """A proof in the largest tree there can be, of made-up nodes: for drivers without numbers of 64 bits."""
    index, path = (1 << 62) + (1 << 53) + 5, [sha(b"%d" % k) for k in range(63)]
    digest = leaf(index, b"key", b"value")
    case = {"name": "entry 2^62 + 2^53 + 5 in a tree of 2^63", "holds": True, "index": str(index),
            "at": str(2**63 - 1), "leaf": digest.hex()}
    for k, sibling in enumerate(path):
        digest = node(sibling, digest) if index >> k & 1 else node(digest, sibling)
    return case | {"root": digest.hex(), "path": texts(path)}


def inclusions_to_refuse(true, tall):
    return [
        changed(true, "wrong leaf", "I5", leaf=other),
        changed(true, "wrong root", "I5", root=other),
        changed(true, "wrong index", "I5", index=str(int(true["index"]) + 1)),
        changed(true, "index beyond the tree", "I2", index=str(int(true["at"]) + 1)),
        changed(true, "another tree size", "I3", at="7"),
        changed(true, "swapped digests", "I5", path=swapped),
        changed(true, "path one node too short", "I3", path=lambda path: path[:-1]),
        changed(true, "path one node too long", "I3", path=lambda path: path + path[:1]),
        changed(true, "no path", "I3", path=[]),
        changed(true, "node of 31 bytes", "I1", path=lambda path: [path[0][2:]] + path[1:]),
        changed(true, "root of 33 bytes", "I1", root=lambda text: text + "00"),
        changed(true, "no leaf", "I1", leaf=""),
        changed(tall, "another index, from bit 53 on", "I5", index=str(int(tall["index"]) ^ 1 << 53)),
        changed(tall, "a last index of 2^63", "I2", at=str(2**63)),
        changed(tall, "a last index of 2^64 - 1", "I2", at=str(2**64 - 1)),
    ]


def consistencies_to_refuse(true, power, equal):
    return [
        changed(true, "wrong older root", "C8", firstRoot=other),
        changed(true, "wrong newer root", "C8", secondRoot=other),
        changed(true, "swapped roots", "C8", firstRoot=true["secondRoot"], secondRoot=true["firstRoot"]),
        changed(true, "a tree that was cut: swapped sizes", "C2", first=true["second"], second=true["first"]),
        changed(true, "swapped digests", "C8", path=swapped),
        changed(true, "path one node too short", "C5", path=lambda path: path[:-1]),
        changed(true, "path one node too long", "C5", path=lambda path: path + path[:1]),
        changed(true, "no path", "C5", path=[]),
        changed(true, "another older size", "C5", first=str(int(true["first"]) + 1)),
        changed(power, "the older root in front of the path, a power of two", "C5",
                path=lambda path: [power["firstRoot"]] + path),
        changed(power, "no path, from a power of two", "C5", path=[]),
        changed(equal, "equal sizes, other root", "C4", secondRoot=other),
        changed(equal, "equal sizes, a path", "C4", path=[equal["firstRoot"]]),
        changed(true, "node of 33 bytes", "C1", path=lambda path: [path[0] + "00"] + path[1:]),
        changed(true, "no newer root", "C1", secondRoot=""),
        changed(true, "a last index of 2^64 - 1", "C1", second=str(2**64 - 1)),
    ]


def answers_to_refuse(write, read, another, cut):
    return [
        changed(write, "SafeSet: another value was stored", "V2", proof__leaf=other),
        changed(write, "SafeSet: wrong value", "V2", request__value="00"),
        changed(write, "SafeSet: wrong index", "V2", proof__index=str(int(write["proof"]["index"]) - 1)),
        changed(write, "SafeSet: an older, equal entry is shown", "V6",
                trusted={"index": write["proof"]["at"], "root": write["proof"]["root"]}, proof__consistencyPath=[]),
        changed(write, "SafeSet: swapped digests of the path to the root", "I5", proof__inclusionPath=swapped),
        changed(write, "SafeSet: the tree does not continue the trusted one", "C8", trusted__root=other),
        changed(read, "SafeGet: wrong value", "V2", item__value=other),
        changed(read, "SafeGet: wrong index of the item", "V1", item__index=str(int(read["item"]["index"]) + 1)),
        changed(read, "SafeGet: another key's entry, truly proven", "V7", item=another["item"], proof=another["proof"]),
        changed(read, "SafeGet: wrong leaf", "V2", proof__leaf=other),
        changed(read, "SafeGet: wrong root", "I5", proof__root=other),
        changed(read, "SafeGet: inclusion path too short", "I3", proof__inclusionPath=lambda path: path[1:]),
        changed(read, "SafeGet: inclusion path too long", "I3", proof__inclusionPath=lambda path: path + path[:1]),
        changed(read, "SafeGet: consistency path too short", "C5", proof__consistencyPath=lambda path: path[:-1]),
        changed(read, "SafeGet: consistency path too long", "C5", proof__consistencyPath=lambda path: path + path[:1]),
        changed(read, "SafeGet: swapped digests of the path from the trusted root", "C8",
                proof__consistencyPath=swapped),
        changed(cut, "SafeGet: root rolled back to an older tree of the same history", "C2",
                trusted={"index": read["proof"]["at"], "root": read["proof"]["root"]}, proof__consistencyPath=[]),
        changed(read, "SafeGet: another root for the trusted size", "C4", proof__consistencyPath=[],
                trusted={"index": read["proof"]["at"], "root": other(read["proof"]["root"])}),
    ]


def root_files(trusted):
    file = bytes([8, int(trusted["index"]), 18, 32]) + bytes.fromhex(trusted["root"])
    one = b"\x12\x20" + leaf(0, *PLAIN[0])
    true = [
        {"name": "a tree of 9", "file": file.hex(), "holds": True} | trusted,
        {"name": "a tree of one: index 0 is left out", "file": one.hex(), "holds": True,
         "index": "0", "root": one[2:].hex()},
    ]
    false = {
        "an empty file is no root: first contact": b"", "one byte too short": file[:-1], "one byte too long": file + b"\0",
        "only an index": file[:2], "a root of 31 bytes": file[:3] + b"\x1f" + file[4:-1],
        "another field than root": file[:2] + b"\x1a" + file[3:], "index 0, written out": b"\x08\0" + one,
        "another order of the fields": file[2:] + file[:2], "text": trusted["root"].encode(),
    }
    return true + [{"name": name, "file": data.hex(), "holds": False} for name, data in false.items()]


def main():
    recorder = Recorder(sys.argv[1])
    writes, inclusions, consistencies = [], [], []
    for key, value in PLAIN:
        writes.append(recorder.safe_set(key, value))
        if len(writes) == 5:
            at_five, cut = recorder.trusted(), recorder.safe_get(b"key2", recorder.trusted())
        inclusions += [recorder.inclusion(index) for index in range(len(writes))]
        consistencies += [recorder.consistency(size) for size in range(1, len(writes) + 1)]
    reads = [recorder.safe_get(b"key2", at_five), recorder.safe_get(b"key8", at_five), recorder.safe_get(b"key4", EMPTY)]
    at_nine = recorder.trusted()
    recorder.stub.SetBatch(schema.KVList(KVs=[schema.KeyValue(key=key, value=value) for key, value in FILLED[9:]]))
    recorder.leaves = [leaf(index, *entry) for index, entry in enumerate(FILLED)]
    large = [recorder.inclusion(index) for index in (0, 31, 63, 64, 95, 96, 99)]
    large += [tall_inclusion()]
    widths = [recorder.consistency(size) for size in (1, 31, 32, 63, 64, 65, 96, 99, 100)]
    true = inclusions[-5]  # entry 4 of 9: four nodes
    a, b = next(c for c in consistencies if c["name"].startswith("a tree of 7 and one of 9")), consistencies[-2]
    vectors = {
        "about": "Bytes are lower-case hex, numbers are decimal texts of 64 bits. `holds` says whether a driver accepts it; "
                 "`rule` is the first rule of docs/protocol.md that it breaks. Recorded by Examples/vectors/record.py.",
        "leaves": leaves(),
        "tree": {"entries": [{"key": key.hex(), "value": value.hex()} for key, value in PLAIN],
                 "leaves": texts(recorder.leaves[:9]), "rootsBySize": texts(root(recorder.leaves[:n]) for n in range(10))},
        "inclusion": inclusions + large + inclusions_to_refuse(true, large[-1]),
        "consistency": consistencies + widths + consistencies_to_refuse(a, b, consistencies[-1]),
        "answers": writes + reads + answers_to_refuse(writes[6], reads[0], reads[1], cut),
        "rootFiles": root_files(at_nine),
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
