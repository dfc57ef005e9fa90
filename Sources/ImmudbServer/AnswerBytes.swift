import ImmudbStore
import MerkleTree
import RPCTransport

// Encodes answers that carry entries and digests straight into the bytes that are sent. As
// generated messages, each digest of a proof would be a separate object, forty for a large tree,
// which costs more than finding the digests; and a list of entries would be in memory twice. The
// bytes are those of the generated messages: a test compares them.

/// The form in which an entry is sent: as it is stored, or as structured content. The bytes differ
/// only for empty values: a stored value that is structured is the encoding of the message
/// `Content`.
enum ItemForm: Sendable {
    /// `Item`, `SafeItem`, `ItemList`, `Page`.
    case plain
    /// `StructuredItem`, `SafeStructuredItem`, `StructuredItemList`, `SPage`. Only for structured
    /// values, see `requireStructured(_:)`.
    case structured
}

/// Encodes the message `Item` or `StructuredItem`.
func encodedItem(_ entry: Entry, as form: ItemForm = .plain) -> FramedBytes {
    encoded(entry.itemByteCount(form)) { $0.write(entry, form) }
}

/// Encodes the message `Proof`.
func encodedProof(_ proof: EntryProof) -> FramedBytes {
    encoded(proof.messageByteCount) { $0.write(proof) }
}

/// Encodes the message `SafeItem` or `SafeStructuredItem`.
func encodedSafeItem(_ proven: ProvenEntry, as form: ItemForm = .plain) -> FramedBytes {
    let itemByteCount = proven.entry.itemByteCount(form)
    let proofByteCount = proven.proof.messageByteCount
    let byteCount = fieldByteCount(itemByteCount) + fieldByteCount(proofByteCount)
    return encoded(byteCount) { fields in
        fields.begin(1, byteCount: itemByteCount)
        fields.write(proven.entry, form)
        fields.begin(2, byteCount: proofByteCount)
        fields.write(proven.proof)
    }
}

/// The items of a list, encoded page by page as their entries arrive. So only the encoded items and
/// one page of entries are in memory. All entries of the list would take at least 100 bytes more
/// each.
struct EncodedItems {
    private let form: ItemForm
    private var pages: [[UInt8]] = []
    private var byteCount = 0
    /// The number of items.
    private(set) var count = 0

    init(as form: ItemForm = .plain) { self.form = form }

    mutating func append(_ entries: [Entry]) {
        let needed = entries.reduce(0) { $0 + fieldByteCount($1.itemByteCount(form)) }
        count += entries.count
        guard needed > 0 else { return }
        let page = [UInt8](unsafeUninitializedCapacity: needed) { room, initializedCount in
            var fields = FieldWriter(UnsafeMutableRawBufferPointer(room))
            for entry in entries {
                fields.begin(1, byteCount: entry.itemByteCount(form))
                fields.write(entry, form)
            }
            precondition(fields.isFull, "a page has fewer bytes than were counted")
            initializedCount = needed
        }
        pages.append(page)
        byteCount += needed
    }

    /// Encodes the message `ItemList` or `StructuredItemList`.
    func list() -> FramedBytes { page(hasMore: false) }

    /// Encodes the message `Page`, or `SPage`, which has a number.
    func page(number: UInt64 = 0, hasMore: Bool) -> FramedBytes {
        let more: UInt64 = hasMore ? 1 : 0
        let tailByteCount = numberFieldByteCount(number) + numberFieldByteCount(more)
        return encoded(byteCount + tailByteCount) { fields in
            for page in pages { fields.write(encoded: page) }
            fields.write(2, number)
            fields.write(3, more)
        }
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
    fileprivate func itemByteCount(_ form: ItemForm) -> Int {
        (key.isEmpty ? 0 : fieldByteCount(key.count))
            + (value.isEmpty && form == .plain ? 0 : fieldByteCount(value.count))
            + numberFieldByteCount(index.rawValue)
    }
}

extension EntryProof {
    fileprivate var messageByteCount: Int {
        let digestCount = 2 + inclusion.path.count + consistency.path.count
        return digestCount * fieldByteCount(Digest.byteCount) + numberFieldByteCount(index.rawValue)
            + numberFieldByteCount(size.lastIndexOnWire)
    }
}

/// The maximum number of bytes that an item adds to its key and value in a list: 4 tags of 1 byte,
/// 3 lengths of up to 5 and an index of up to 10.
let itemOverheadByteCount = 29

/// Counts the bytes of a field: its tag, its length and `byteCount` bytes.
private func fieldByteCount(_ byteCount: Int) -> Int {
    1 + varintByteCount(UInt64(byteCount)) + byteCount
}

/// Counts the bytes of a number's field. The number 0 has no field.
private func numberFieldByteCount(_ number: UInt64) -> Int {
    number == 0 ? 0 : 1 + varintByteCount(number)
}

/// Counts the bytes of a varint: seven bits per byte, at least one byte.
private func varintByteCount(_ number: UInt64) -> Int {
    (63 - (number | 1).leadingZeroBitCount) / 7 + 1
}

// MARK: writing

/// Writes fields of protocol buffers. Like the generated code, it leaves out numbers that are 0 and
/// empty bytes, except in repeated fields.
private struct FieldWriter {
    private var next: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer

    /// - Parameter room: not empty.
    init(_ room: UnsafeMutableRawBufferPointer) {
        guard let start = room.baseAddress else { preconditionFailure("an answer has no bytes") }
        next = start
        end = start + room.count
    }

    var isFull: Bool { next == end }

    mutating func write(_ entry: Entry, _ form: ItemForm) {
        write(1, entry.key)
        // A message that is present but empty is written as its tag.
        if entry.value.isEmpty, form == .structured { begin(2, byteCount: 0) }
        write(2, entry.value)
        write(3, entry.index.rawValue)
    }

    mutating func write(_ proof: EntryProof) {
        write(1, proof.leaf)
        write(2, proof.index.rawValue)
        write(3, proof.root)
        write(4, proof.size.lastIndexOnWire)
        for digest in proof.inclusion.path { write(5, digest) }
        for digest in proof.consistency.path { write(6, digest) }
    }

    /// Writes the tag and the length of a field. The caller writes its `byteCount` bytes next.
    mutating func begin(_ field: UInt8, byteCount: Int) {
        number(tag: field << 3 | 2, UInt64(byteCount))
    }

    mutating func write(_ field: UInt8, _ value: UInt64) {
        if value != 0 { number(tag: field << 3, value) }
    }

    private mutating func write(_ field: UInt8, _ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        begin(field, byteCount: bytes.count)
        write(encoded: bytes)
    }

    /// Copies encoded fields.
    mutating func write(encoded bytes: [UInt8]) {
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
        precondition(byteCount <= end - next, "an answer has more bytes than were counted")
        defer { next += byteCount }
        return next
    }
}
