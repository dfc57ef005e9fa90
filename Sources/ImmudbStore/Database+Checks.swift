import ImmudbModel
import Ledger
public import StorageIO

// What is checked before an append is queued; nothing is written if it fails.

extension Database {
    /// What a batch must be, whatever the database holds.
    ///
    /// - Parameter byteCount: of all keys and values.
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

    /// Makes sure that what references and members name was written before, or comes earlier in the
    /// batch.
    ///
    /// Nothing is ever deleted, so what is there now is there when the batch is written.
    func requireTargets(_ entries: [NewEntry]) throws(StoreError) {
        guard entries.contains(where: \.namesKey) else { return }
        let snapshot = snapshot
        // Keys that are known to be there, or will be.
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
    /// Whether the value is a key, which must have been written.
    var namesKey: Bool { kind != .value }

    /// What an append would refuse about this entry by itself, whatever the database holds.
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
