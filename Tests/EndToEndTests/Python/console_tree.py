"""The Merkle tree of RFC 6962 over immudb's entries, with its proofs, by recursion over its shape."""

import hashlib
import struct


def leaf_digest(index, key, value):
    return hashlib.sha256(b"\x00" + struct.pack(">QQ", index, len(key)) + key + value).digest()


def node_digest(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size):
    """The largest power of two smaller than size."""
    return 1 << (size - 1).bit_length() - 1


class Tree:
    """The tree over leaves, by recursion over its shape; complete nodes are kept."""

    def __init__(self):
        self.leaves = []
        self.nodes = {}

    def root(self, start, end):
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self.nodes:
            middle = start + split(end - start)
            node = node_digest(self.root(start, middle), self.root(middle, end))
            if (end - start).bit_count() != 1:
                return node
            self.nodes[start, end] = node
        return self.nodes[start, end]

    def inclusion(self, index, size, start=0):
        if size - start == 1:
            return []
        middle = start + split(size - start)
        if index < middle:
            return self.inclusion(index, middle, start) + [self.root(middle, size)]
        return self.inclusion(index, size, middle) + [self.root(start, middle)]

    def consistency(self, older, size, start=0, is_whole=True):
        if older == size:
            return [] if is_whole else [self.root(start, size)]
        middle = start + split(size - start)
        if older <= middle:
            return self.consistency(older, middle, start, is_whole) + [self.root(middle, size)]
        return self.consistency(older, size, middle, False) + [self.root(start, middle)]
