"""A model of everything that a client wrote: the entries in their order, and the answer that every read must
have. Sorted sets are separate from keys."""

import struct

from immudb_wire import leaf_digest, naive_root

VALUE, REFERENCE, MEMBER = "value", "reference", "member"


def set_entry_key(set_name, score, member):
    return set_name + struct.pack(">d", score) + member


class LedgerModel:
    def __init__(self, entries=()):
        # (kind, key, value) by index; of a member also (set, score).
        self.entries = [tuple(entry) for entry in entries]

    def add(self, kind, key, value, place=None):
        self.entries.append((kind, key, value, place))
        return len(self.entries) - 1

    def add_member(self, set_name, score, member):
        return self.add(MEMBER, set_entry_key(set_name, score, member), member, (set_name, score))

    # The tree.

    def leaves(self, size=None):
        return [leaf_digest(index, entry[1], entry[2])
                for index, entry in enumerate(self.entries[:size])]

    def root(self, size=None):
        return naive_root(self.leaves(size))

    # Reads; an item is (key, value, index).

    def versions(self, key):
        """Returns the versions, newest first."""
        return [(key, entry[2], index) for index, entry in reversed(list(enumerate(self.entries)))
                if entry[0] != MEMBER and entry[1] == key]

    def newest(self, key):
        versions = self.versions(key)
        return versions[0] if versions else None

    def get(self, key):
        """Returns the item. Follows a reference one level."""
        item = self.newest(key)
        if item and self.entries[item[2]][0] == REFERENCE:
            return self.newest(item[1])
        return item

    def keys(self):
        return sorted({entry[1] for entry in self.entries if entry[0] != MEMBER})

    def scan(self, prefix=b"", offset=b"", limit=0, reverse=False, deep=False):
        keys = [key for key in self.keys() if key.startswith(prefix)]
        if reverse:
            keys.reverse()
        if offset:
            keys = [key for key in keys if (key < offset if reverse else key > offset)]
        items = []
        for key in keys:
            item = self.newest(key)
            if self.entries[item[2]][0] == REFERENCE:
                if not deep:
                    continue
                item = self.get(key)
            items.append(item)
        return items[:limit] if limit else items

    def count(self, prefix):
        return sum(key.startswith(prefix) for key in self.keys())

    def members(self, set_name, offset=None, limit=0, reverse=False):
        """`offset` is (score, member)."""
        places = {(entry[3][1], entry[2]) for entry in self.entries
                  if entry[0] == MEMBER and entry[3][0] == set_name}
        ordered = sorted({(score + 0.0, member) for score, member in places}, reverse=reverse)
        if offset is not None:
            ordered = [place for place in ordered
                       if (place < offset if reverse else place > offset)]
        items = [self.newest(member) for _, member in ordered]
        return items[:limit] if limit else items

    def page(self, number, size):
        """Returns the items, and whether more follow, or None beyond the end."""
        start = (number - 1) * size if number > 1 else 0
        size = max(1, size)
        if start >= len(self.entries):
            return None
        items = [(entry[1], entry[2], start + place)
                 for place, entry in enumerate(self.entries[start:start + size])]
        return items, start + size < len(self.entries)
