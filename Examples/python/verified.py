"""A verified set and get, checked by this file's own arithmetic: what a driver of immudb 0.6 has to do.

    verified.py VECTORS                                      checks the test vectors
    verified.py VECTORS HOST:PORT ROOT-FILE --first-contact  trusts the server's history as it is now
    verified.py VECTORS HOST:PORT ROOT-FILE                  holds the server to the root in the file

VECTORS is Examples/vectors/vectors.json. ROOT-FILE keeps the trusted root; it is made at the first contact.
Needs grpcio and grpcio-tools, which compile schema.proto when this starts. "I3", "V5" and so on are rules of
docs/protocol.md. Ends with 1 and a reason if something does not hold, with 2 if the arguments are wrong.
"""

import argparse
import hashlib
import json
import os
import pathlib
import struct
import sys

import grpc
from google.protobuf import empty_pb2, message

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Sources" / "ImmudbProtocol" / "Protos"))
schema, services = grpc.protos_and_services("schema.proto")


class VerificationFailed(Exception):
    """The server's answer does not follow from what was trusted: evidence, never a reason to try again."""


def check(holds, what):
    if not holds:
        raise VerificationFailed(what)


def leaf_digest(index, key, value):
    return hashlib.sha256(b"\x00" + struct.pack(">QQ", index, len(key)) + key + value).digest()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_digests(*digests):
    check(all(len(digest) == 32 for digest in digests), "I1, C1: a digest has not 32 bytes")


def check_inclusion(leaf, index, at, path, root):
    check_digests(leaf, root, *path)
    check(index <= at < 1 << 63, f"I2: entry {index} is not in a tree that ends at {at}")
    turns = (index ^ at).bit_length()
    check(len(path) == turns + (index >> turns).bit_count(), f"I3: a path of {len(path)} nodes")
    digest = leaf
    for k, sibling in enumerate(path):
        is_left = k >= turns or index >> k & 1
        digest = node(sibling, digest) if is_left else node(digest, sibling)
    check(digest == root, "I5: the path does not lead from the leaf to the root")


def check_consistency(first, first_root, second, second_root, path):
    check_digests(first_root, second_root, *path)
    check(second < 1 << 63, f"C1: a tree that ends at {second}")
    check(first <= second, f"C2: the tree shrank: it ends at {second}, and the trusted one at {first}")
    if first == second:
        check(not path and first_root == second_root, "C4: another root for the trusted tree")
        return
    size = first + 1
    zeros = (size & -size).bit_length() - 1
    peak = (size >> zeros) - 1
    turns = (peak ^ second >> zeros).bit_length()
    is_power = size & size - 1 == 0
    length = turns + (peak >> turns).bit_count() + (not is_power)
    check(len(path) == length, f"C5: a path of {len(path)} nodes")
    front, *rest = [first_root, *path] if is_power else path
    old = new = front
    for k, sibling in enumerate(rest):
        if k >= turns or peak >> k & 1:
            old, new = node(sibling, old), node(sibling, new)
        else:
            new = node(new, sibling)
    check(old == first_root and new == second_root, "C8: the tree does not continue the trusted one")


def check_answer(trusted, key, value, proof, item=None):
    """Returns the root to trust next. `trusted`: a Root, empty if nothing is; `item`: of a read."""
    if item is not None:
        check(proof.index == item.index, "V1: the proof is of another index")
        check(item.key == key, "V7: the answer has another key")  # references are not followed here
        value = item.value
    check(proof.leaf == leaf_digest(proof.index, key, value), "V2: the leaf is not that of the entry")
    check_inclusion(proof.leaf, proof.index, proof.at, proof.inclusionPath, proof.root)
    if trusted.root:
        check_consistency(trusted.index, trusted.root, proof.at, proof.root, proof.consistencyPath)
        check(item is not None or proof.index > trusted.index, "V6: the entry was there before it was written")
    else:
        check_digests(*proof.consistencyPath)
    return schema.Root(index=proof.at, root=proof.root)


def parse_root(data):
    try:
        root = schema.Root.FromString(data)
    except message.DecodeError:
        root = schema.Root()
    check(len(root.root) == 32 and root.SerializeToString() == data, "these bytes are not a trusted root")
    return root


def save_root(file, root):
    """The file has the old root or the new one, whatever happens meanwhile."""
    with open(f"{file}.new", "wb") as draft:
        draft.write(root.SerializeToString())
        draft.flush()
        os.fsync(draft.fileno())
    os.replace(f"{file}.new", file)


def decoded(field, name=""):
    """A part of the vectors with numbers and bytes instead of texts."""
    if isinstance(field, dict):
        return {name: decoded(inner, name) for name, inner in field.items()}
    if isinstance(field, list):
        return [decoded(inner) for inner in field]
    if not isinstance(field, str) or name in ("name", "rule", "call"):
        return field
    return int(field) if name in ("index", "at", "first", "second") else bytes.fromhex(field)


VECTORS = {
    "leaves": lambda c: check(c["leaf"] == leaf_digest(c["index"], c["key"], c["value"]), "another leaf"),
    "inclusion": lambda c: check_inclusion(c["leaf"], c["index"], c["at"], c["path"], c["root"]),
    "consistency": lambda c: check_consistency(
        c["first"], c["firstRoot"], c["second"], c["secondRoot"], c["path"]),
    "answers": lambda c: check_answer(
        schema.Root(**c["trusted"]), c["request"]["key"], c["request"].get("value"), schema.Proof(**c["proof"]),
        schema.Item(**c["item"]) if "item" in c else None),
    "rootFiles": lambda c: check(
        parse_root(c["file"]) == schema.Root(index=c.get("index"), root=c.get("root")), "another root"),
}


def check_vectors(file):
    vectors, count = json.loads(pathlib.Path(file).read_text()), 0
    for kind, verify in VECTORS.items():
        for case in map(decoded, vectors[kind]):
            reason = None
            try:
                verify(case)
            except VerificationFailed as failure:
                reason = failure
            holds = case.get("holds", True)
            check((reason is None) == holds, f"vector {kind}, {case['name']}: {reason or 'accepted'}")
            count += 1
    print(f"{count} vectors hold")


def set_and_get(address, file, is_first_contact):
    stub = services.ImmuServiceStub(grpc.insecure_channel(address))
    data = pathlib.Path(file).read_bytes() if os.path.exists(file) else b""
    check(data or is_first_contact, f"{file} has no root: add --first-contact to trust what {address} shows now")
    trusted = parse_root(data) if data else stub.CurrentRoot(empty_pb2.Empty(), timeout=10)
    check(len(trusted.root) == 32 or trusted == schema.Root(), "the server's root is not one")
    print(f"trusted: {trusted.index + 1 if trusted.root else 0} entries, root {trusted.root.hex()}")

    def root_index():
        return schema.Index(index=trusted.index) if trusted.root else None

    pair = schema.KeyValue(key=b"greeting", value=b"hello from Python")
    proof = stub.SafeSet(schema.SafeSetOptions(kv=pair, rootIndex=root_index()), timeout=10)
    trusted = check_answer(trusted, pair.key, pair.value, proof)
    save_root(file, trusted)
    print(f"set, verified: entry {proof.index}")

    answer = stub.SafeGet(schema.SafeGetOptions(key=pair.key, rootIndex=root_index()), timeout=10)
    trusted = check_answer(trusted, pair.key, None, answer.proof, answer.item)
    save_root(file, trusted)
    print(f"get, verified: {answer.item.value.decode()}")
    print(f"trusted now: {trusted.index + 1} entries, root {trusted.root.hex()}")


def read_arguments():
    parser = argparse.ArgumentParser(
        usage="verified.py VECTORS [HOST:PORT ROOT-FILE [--first-contact]]", description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectors", metavar="VECTORS", help="file of the test vectors")
    parser.add_argument("address", metavar="HOST:PORT", nargs="?", help="address of an immudb server")
    parser.add_argument("file", metavar="ROOT-FILE", nargs="?", help="file of the root that is trusted")
    parser.add_argument("--first-contact", action="store_true", help="trust what the server shows now")
    arguments = parser.parse_args()
    if arguments.address is not None and arguments.file is None:
        parser.error("HOST:PORT needs a ROOT-FILE")
    if arguments.first_contact and arguments.address is None:
        parser.error("--first-contact needs HOST:PORT and ROOT-FILE")
    return arguments


def main():
    arguments = read_arguments()
    try:
        check_vectors(arguments.vectors)
        if arguments.address is not None:
            set_and_get(arguments.address, arguments.file, arguments.first_contact)
    except VerificationFailed as failure:
        sys.exit(f"VERIFICATION FAILED: {failure}")
    except grpc.RpcError as error:
        # V11: a server that lacks the last index of the trusted tree has lost history.
        kind = "VERIFICATION FAILED: the tree shrank" if error.details() == "invalid root index" else "call failed"
        sys.exit(f"{kind}: {error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()
