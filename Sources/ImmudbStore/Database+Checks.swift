import ImmudbModel
import Ledger
public import StorageIO

// The checks before an append is queued. If one fails, nothing is written.

extension Database {
    /// Checks a batch, independently of the content of the database.
    ///
    /// - Parameter byteCount: the size of all keys and values.
    static func validate(_ entries: [NewEntry], byteCount: Int) throws(StoreError) {
        guard !entries.isEmpty else {
            throw StoreError(.emptyBatch, "empty batch: at least one entry is needed")
        }
        guard entries.count <= Limits.batchEntryCount else {
            throw StoreError(
                .tooManyEntries,
                "\(entries.count) entries exceed the limit of \(Limits.batchEntryCount) in a batch"
            )
        }
        let payload = FrameBuffer.payloadByteCount(
            keyAndValueByteCount: byteCount, entryCount: entries.count)
        guard payload <= maximumFramePayloadByteCount else {
            throw StoreError(
                .tooLarge,
                "a batch of \(payload) bytes exceeds the limit of \(maximumFramePayloadByteCount)")
        }
        for entry in entries { try entry.validate() }
    }

    /// Makes sure that the keys that references and members name were written before, or come earlier in the batch.
    ///
    /// Nothing is ever deleted, so a key that exists now exists when the batch is written.
    func requireTargets(_ entries: [NewEntry]) throws(StoreError) {
        guard entries.contains(where: \.namesKey) else { return }
        let snapshot = snapshot
        // Keys that exist, or will.
        var known: Set<[UInt8]> = []
        for entry in entries {
            if entry.namesKey, !known.contains(entry.value) {
                guard try snapshot.contains(entry.value) else {
                    throw StoreError(
                        .keyNotFound,
                        "the key \(Entry.shown(entry.value)), which the batch refers to, was never written"
                    )
                }
                known.insert(entry.value)
            }
            if entry.kind != .sortedSetMember { known.insert(entry.key) }
        }
    }
}

extension NewEntry {
    /// Whether the value is a key, which must have been written before.
    var namesKey: Bool { kind != .value }

    /// Checks the entry by itself, as an append does, independently of the content of the database.
    ///
    /// - Throws: `invalidKey`, `keyTooLong`, `invalidReference`, `invalidSet`, `invalidScore`.
    public func validate() throws(StoreError) {
        switch kind {
        case .value:
            try Limits.validate(newKey: key)
        case .reference:
            try Limits.validate(key: value)
            try Limits.validate(newReference: key)
        case .sortedSetMember:
            guard let parts = SortedSetKey(bytes: key, memberByteCount: value.count),
                parts.member == value
            else {
                throw StoreError(
                    .invalidKey,
                    "the key of a sorted set's member is not set, score and member: use "
                        + "NewEntry.member(_:of:score:)")
            }
            try Limits.validate(newMember: parts)
        }
    }
}
