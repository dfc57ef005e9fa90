"""Checks receipts with its own arithmetic: check_receipt.py FILE ...

A receipt is a text of `name: value` lines; keys, values and digests are hexadecimal.
"""

import sys

from immudb_wire import leaf_digest, root_by_inclusion


def check(path):
    lines = [line for line in open(path, encoding="utf-8").read().split("\n")
             if line and not line.startswith("#")]
    assert lines[0] == "immudb receipt 1", lines[0]
    fields = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""] for line in lines[1:]]
    one = {name: value for name, value in fields if name != "path"}
    nodes = [bytes.fromhex(value) for name, value in fields if name == "path"]
    index = int(one["index"])
    leaf = leaf_digest(index, bytes.fromhex(one["key"]), bytes.fromhex(one["value"]))
    assert leaf.hex() == one["hash"], "hash"
    root = root_by_inclusion(leaf, index, int(one["root-index"]) + 1, nodes)
    assert root.hex() == one["root"], "root"
    return index


checked = [check(path) for path in sys.argv[1:]]
print(f"{len(checked)} receipts are right")
