import ImmudbModel
import MerkleTree
import StorageIO

/// Makes one atomic batch of records from entries. Its buffers are reused from one batch to the next.
final class IndexWriter {
    var entriesSinceFlush = 0

    /// The most different keys that are looked up at once.
    private static let keysPerLookup = 256

    private let batch = RecordBatch()
    private var order: [Ordered] = []
    private var members: [Int] = []
    private let lookup = AddressLookup(capacity: IndexWriter.keysPerLookup)
    private var record: [UInt8] = []
    private var addedMembers: Set<[UInt8]> = []

    func write(
        _ entries: [IndexedKey], newSize: TreeSize, to database: RocksDatabase
    ) throws(StoreError) {
        batch.removeAll()
        sort(entries)
        try addVersions(entries, database)
        addedMembers.removeAll(keepingCapacity: true)
        for number in members { try addMember(entries[number], database) }
        withUnsafeBytes(of: newSize.rawValue.bigEndian) { put(IndexRecord.markKey[...], $0) }
        try database.write(batch)
        entriesSinceFlush += entries.count
    }

    // MARK: keys

    /// The position of an entry in the batch, with the beginning of its key for fast comparison.
    private struct Ordered {
        var keyStart: UInt64
        var number: UInt32
    }

    /// Sorts the entries by their keys, and equal keys by their indexes; puts those of sorted sets into `members`.
    ///
    /// Neighbours are then close in the memtable, where inserting them is faster than at random, and the versions of
    /// one key are next to each other.
    private func sort(_ entries: [IndexedKey]) {
        order.removeAll(keepingCapacity: true)
        members.removeAll(keepingCapacity: true)
        for (number, entry) in entries.enumerated() where !entry.isUnknown {
            if entry.address.kind == EntryKind.sortedSetMember.rawValue {
                members.append(number)
            } else {
                order.append(Ordered(keyStart: Self.start(of: entry.key), number: UInt32(number)))
            }
        }
        order.sort { left, right in
            if left.keyStart != right.keyStart { return left.keyStart < right.keyStart }
            let leftKey = entries[Int(left.number)].key
            let rightKey = entries[Int(right.number)].key
            if leftKey == rightKey { return left.number < right.number }
            return leftKey.lexicographicallyPrecedes(rightKey)
        }
    }

    /// Returns the first 8 bytes as a number; missing bytes count as 0.
    private static func start(of key: [UInt8]) -> UInt64 {
        key.withUnsafeBytes { bytes in
            if bytes.count >= 8 { return UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) }
            return bytes.reduce(0) { $0 << 8 | UInt64($1) } << UInt64(8 * (8 - bytes.count))
        }
    }

    /// Processes the sorted entries in groups of different keys: looks up the group's newest versions, then puts the
    /// records.
    private func addVersions(_ entries: [IndexedKey], _ database: RocksDatabase) throws(StoreError)
    {
        var start = 0
        while start < order.count {
            lookup.removeAll()
            var end = start
            while end < order.count, lookup.count < Self.keysPerLookup {
                lookup.append(entries[Int(order[end].number)].key)
                end = endOfVersions(entries, from: end)
            }
            try lookup.find(in: database)
            for key in 0..<lookup.count {
                let next = endOfVersions(entries, from: start)
                putVersions(
                    entries, start..<next, recordKey: lookup.key(key), lookup.addresses[key])
                start = next
            }
        }
    }

    /// Returns the position in `order` at which the next key begins.
    private func endOfVersions(_ entries: [IndexedKey], from start: Int) -> Int {
        var end = start + 1
        let first = order[start]
        while end < order.count, order[end].keyStart == first.keyStart,
            entries[Int(order[end].number)].key == entries[Int(first.number)].key
        { end += 1 }
        return end
    }

    /// Puts the last of the entries, all of one key, as its newest version, and moves the others, and the previous
    /// newest version, to the older ones.
    private func putVersions(
        _ entries: [IndexedKey], _ range: Range<Int>, recordKey: ArraySlice<UInt8>,
        _ displaced: RecordAddress?
    ) {
        if displaced != nil || range.count > 1 {
            record.removeAll(keepingCapacity: true)
            IndexRecord.appendOlderPrefix(of: recordKey.dropFirst(), to: &record)
            if let displaced { putOlder(displaced) }
            for next in range.dropLast() { putOlder(entries[Int(order[next].number)].address) }
        }
        put(recordKey, entries[Int(order[range.upperBound - 1].number)].address)
    }

    /// - Precondition: `record` is the prefix of the key's older versions; it is the same again afterwards.
    private func putOlder(_ address: RecordAddress) {
        IndexRecord.appendInverted(address.index, to: &record)
        put(record[...], address)
        record.removeLast(8)
    }

    // MARK: sorted sets

    /// Puts a member, unless the set already has it with this score.
    private func addMember(_ entry: IndexedKey, _ database: RocksDatabase) throws(StoreError) {
        record.removeAll(keepingCapacity: true)
        let isWellFormed = IndexRecord.appendSetRecord(
            ledgerKey: entry.key, memberLength: entry.memberLength, to: &record)
        guard isWellFormed else {
            // Not damage of the index: rebuilding it would find the same entry.
            throw StoreError(
                .tampered,
                "entry \(entry.address.index) belongs to a sorted set, but its key of "
                    + "\(entry.key.count) bytes is too short for a score and a member of "
                    + "\(entry.memberLength)")
        }
        guard try database.value(of: record) == nil, addedMembers.insert(record).inserted else {
            return
        }
        put(record[...], entry.address)
    }

    // MARK: the batch

    private func put(_ key: ArraySlice<UInt8>, _ address: RecordAddress) {
        withUnsafeTemporaryAllocation(byteCount: RecordAddress.encodedByteCount, alignment: 8) {
            value in
            address.encode(to: value.baseAddress!)
            put(key, UnsafeRawBufferPointer(value))
        }
    }

    private func put(_ key: ArraySlice<UInt8>, _ value: UnsafeRawBufferPointer) {
        key.withUnsafeBytes { batch.put($0, value) }
    }
}
