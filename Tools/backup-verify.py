#!/usr/bin/env python3
"""Verifies a chain of backups by docs/backup-format.md, without any code of immudb's.

    backup-verify.py [--root <hex>@<size>] full.backup [incremental.backup ...]

Checks every checksum, computes every leaf and the root (RFC 6962), and prints root@size after each backup. Only a root
that somebody remembers, --root, shows that it is the right history. Exit code: 0, 3 if something does not hold, or 1.
"""
import hashlib
import struct
import sys

CHUNK, TRAILER = b"\x01CHK", b"\x01END"
CHUNK_LIMIT, ENTRY_LIMIT = 1 << 20, (1 << 30) + 8


class Bad(Exception): ...


TABLE = list(range(256))
for _ in range(8):
    TABLE = [crc >> 1 ^ (0x82F63B78 if crc & 1 else 0) for crc in TABLE]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Tree:
    """A Merkle tree that grows: the roots of its full subtrees, left to right, with their levels."""
    def __init__(self, root=None):
        self.size, self.peaks, self.known = 0, [], root

    def append(self, key, value):
        digest = sha256(b"\0", struct.pack(">QQ", self.size, len(key)), key, value)
        level = 0
        while self.peaks and self.peaks[-1][0] == level:
            digest = sha256(b"\1", self.peaks.pop()[1], digest)
            level += 1
        self.peaks.append((level, digest))
        self.size += 1
        if self.known and self.size == self.known[1] and self.root() != self.known[0]:
            raise Bad("the root of %d entries is not the one of --root: another history" % self.size)

    def root(self):
        if not self.peaks:
            return sha256()
        digest = self.peaks[-1][1]
        for _, peak in reversed(self.peaks[:-1]):
            digest = sha256(b"\1", peak, digest)
        return digest


class Reader:
    def __init__(self, file):
        self.file, self.offset, self.identity = file, 0, b""

    def take(self, count):
        data = self.file.read(count)
        if len(data) != count:
            raise Bad("incomplete: the file ends at byte %d" % (self.offset + len(data)))
        self.offset += count
        return data

    def check(self, data, stated, what):
        if crc32c(self.identity + data) != stated:
            raise Bad("byte %d: %s fails its checksum" % (self.offset - len(data) - 4, what))

    def head(self):
        data = self.take(96)
        version, name_length = struct.unpack_from("<II", data, 8)
        is_identified = data[44:48] == b"\1\0\0\0" or not any(data[32:48])
        if data[:8] != b"IMMUBAK1" or version != 1 or name_length > 255 or not is_identified:
            raise Bad("not a backup of format version 1")
        data += self.take(name_length)
        self.identity = data[16:32]
        self.check(data, struct.unpack("<I", self.take(4))[0], "the head")
        return struct.unpack_from("<Q", data, 48)[0], data[56:88], data[96:].decode()

    def chunk(self, tree):
        data = CHUNK + self.take(32)
        self.check(data, struct.unpack("<I", self.take(4))[0], "the header of a chunk")
        zero, length, count, first, _, stated = struct.unpack_from("<IIIQqI", data, 4)
        limit = ENTRY_LIMIT if count == 1 else CHUNK_LIMIT
        if zero or count == 0 or not 12 * count <= length - 32 <= limit or first != tree.size:
            raise Bad("byte %d: the chunk is not the next one" % (self.offset - 40))
        payload = self.take(length)
        if crc32c(payload) != stated:
            raise Bad("the chunk of entry %d fails its checksum" % first)
        at, end = 0, length - 32
        for _ in range(count):
            kind, marks, zero, key_length, value_length = struct.unpack_from("<BBHII", payload, at)
            key = at + 12 + (8 if marks & 2 else 0)
            at = key + key_length + value_length
            if kind > 2 or marks > 3 or zero or at > end:
                raise Bad("entry %d is damaged, or of a later version" % tree.size)
            tree.append(payload[key:key + key_length], payload[key + key_length:at])
        if at != end or payload[end:] != tree.root():
            raise Bad("the entries from %d to %d do not have the chunk's root" % (first, tree.size - 1))

    def verify(self, tree, identity):
        size, root, name = self.head()
        if identity and self.identity != identity:
            raise Bad("of another database than the backup before")
        if (size, root) != (tree.size, tree.root()):
            raise Bad("begins with entry %d; the backups before end before entry %d, or have another root" % (size, tree.size))
        while (magic := self.take(4)) == CHUNK:
            self.chunk(tree)
        if magic != TRAILER:
            raise Bad("byte %d: neither a chunk nor a trailer" % (self.offset - 4))
        data = magic + self.take(92)
        self.check(data, struct.unpack("<I", self.take(4))[0], "the trailer")
        start, end = struct.unpack_from("<IQ32s", data, 4), struct.unpack_from("<Q32s", data, 48)
        if start != (0, size, root) or end != (tree.size, tree.root()) or self.file.read(1):
            raise Bad("the trailer does not fit, or more follows it")
        return name


def main(arguments):
    known = None
    if arguments[:1] == ["--root"] and len(arguments) > 1:
        text, _, size = arguments[1].partition("@")
        known, arguments = (bytes.fromhex(text), int(size)), arguments[2:]
    if not arguments:
        sys.exit(__doc__)
    tree, identity = Tree(known), b""
    for path in arguments:
        try:
            with open(path, "rb") as file:
                reader = Reader(file)
                name, identity = reader.verify(tree, identity), reader.identity
        except (Bad, OSError, struct.error, UnicodeDecodeError) as error:
            print("%s: %s" % (path, error), file=sys.stderr)
            return 1 if isinstance(error, OSError) else 3
        print("%s: database %s, %s@%d" % (path, name, tree.root().hex(), tree.size))
    if known and known[1] > tree.size:
        print("--root is of %d entries: a later backup is missing" % known[1], file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
