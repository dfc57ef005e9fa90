import ImmudbStore
import MerkleTree
import RPCTransport

// The answers that carry entries and digests, encoded straight into the bytes that are sent. As
// generated messages each digest of a proof would be an object of its own, forty for a large tree:
// that costs more than finding the digests; and a list of entries would be in memory once more. The
// bytes are those of the generated messages, which a test compares.

/// The message `Item`.
func encodedItem(_ entry: Entry) -> FramedBytes {
    encoded(entry.itemByteCount) { $0.write(entry) }
}

/// The message `Proof`.
func encodedProof(_ proof: EntryProof) -> FramedBytes {
    encoded(proof.messageByteCount) { $0.write(proof) }
}

/// The message `SafeItem`.
func encodedSafeItem(_ proven: ProvenEntry) -> FramedBytes {
    let itemByteCount = proven.entry.itemByteCount
    let proofByteCount = proven.proof.messageByteCount
    let byteCount = fieldByteCount(itemByteCount) + fieldByteCount(proofByteCount)
    return encoded(byteCount) { fields in
        fields.begin(1, byteCount: itemByteCount)
        fields.write(proven.entry)
        fields.begin(2, byteCount: proofByteCount)
        fields.write(proven.proof)
    }
}

/// The message `ItemList`.
func encodedItemList(_ entries: [Entry]) -> FramedBytes {
    encoded(entries.itemsByteCount) { $0.write(entries) }
}

/// The message `Page`.
func encodedPage(_ entries: [Entry], hasMore: Bool) -> FramedBytes {
    encoded(entries.itemsByteCount + numberFieldByteCount(hasMore ? 1 : 0)) { fields in
        fields.write(entries)
        fields.write(3, hasMore ? 1 : 0)
    }
}

private func encoded(_ byteCount: Int, _ write: (inout FieldWriter) -> Void) -> FramedBytes {
    FramedBytes(count: byteCount) { room in
        guard byteCount > 0 else { return }
        var fields = FieldWriter(room)
        write(&fields)
        precondition(fields.isFull, "an answer has fewer bytes than were counted")
    }
}

// MARK: counting

extension Entry {
    fileprivate var itemByteCount: Int {
        (key.isEmpty ? 0 : fieldByteCount(key.count))
            + (value.isEmpty ? 0 : fieldByteCount(value.count))
            + numberFieldByteCount(index.rawValue)
    }
}

extension [Entry] {
    /// Of the entries as repeated messages `Item`.
    fileprivate var itemsByteCount: Int { reduce(0) { $0 + fieldByteCount($1.itemByteCount) } }
}

extension EntryProof {
    fileprivate var messageByteCount: Int {
        let digestCount = 2 + inclusion.path.count + consistency.path.count
        return digestCount * fieldByteCount(Digest.byteCount) + numberFieldByteCount(index.rawValue)
            + numberFieldByteCount(size.lastIndexOnWire)
    }
}

/// Of a field of so many bytes: tag, length and bytes.
private func fieldByteCount(_ byteCount: Int) -> Int {
    1 + varintByteCount(UInt64(byteCount)) + byteCount
}

/// Of a number's field, which is left out if the number is 0.
private func numberFieldByteCount(_ number: UInt64) -> Int {
    number == 0 ? 0 : 1 + varintByteCount(number)
}

/// Seven bits a byte, at least one byte.
private func varintByteCount(_ number: UInt64) -> Int {
    (63 - (number | 1).leadingZeroBitCount) / 7 + 1
}

// MARK: writing

/// Writes fields of protocol buffers. As in the generated code, numbers that are 0 and bytes that
/// are empty are left out, but for repeated ones.
private struct FieldWriter {
    private var place: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer

    /// - Parameter room: not empty.
    init(_ room: UnsafeMutableRawBufferPointer) {
        guard let start = room.baseAddress else { preconditionFailure("an answer has no bytes") }
        place = start
        end = start + room.count
    }

    var isFull: Bool { place == end }

    mutating func write(_ entry: Entry) {
        write(1, entry.key)
        write(2, entry.value)
        write(3, entry.index.rawValue)
    }

    /// Each as a message `Item` in field 1.
    mutating func write(_ entries: [Entry]) {
        for entry in entries {
            begin(1, byteCount: entry.itemByteCount)
            write(entry)
        }
    }

    mutating func write(_ proof: EntryProof) {
        write(1, proof.leaf)
        write(2, proof.index.rawValue)
        write(3, proof.root)
        write(4, proof.size.lastIndexOnWire)
        for digest in proof.inclusion.path { write(5, digest) }
        for digest in proof.consistency.path { write(6, digest) }
    }

    /// A field of so many bytes follows.
    mutating func begin(_ field: UInt8, byteCount: Int) {
        number(tag: field << 3 | 2, UInt64(byteCount))
    }

    mutating func write(_ field: UInt8, _ value: UInt64) {
        if value != 0 { number(tag: field << 3, value) }
    }

    private mutating func write(_ field: UInt8, _ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        begin(field, byteCount: bytes.count)
        let target = take(bytes.count)
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(start: target, count: source.count).copyMemory(
                from: source)
        }
    }

    private mutating func write(_ field: UInt8, _ digest: Digest) {
        begin(field, byteCount: Digest.byteCount)
        digest.store(to: take(Digest.byteCount))
    }

    private mutating func number(tag: UInt8, _ value: UInt64) {
        let target = take(1 + varintByteCount(value))
        target.storeBytes(of: tag, as: UInt8.self)
        var rest = value
        var offset = 1
        while rest >= 0x80 {
            target.storeBytes(
                of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: offset, as: UInt8.self)
            rest >>= 7
            offset += 1
        }
        target.storeBytes(of: UInt8(rest), toByteOffset: offset, as: UInt8.self)
    }

    private mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount <= end - place, "an answer has more bytes than were counted")
        defer { place += byteCount }
        return place
    }
}
