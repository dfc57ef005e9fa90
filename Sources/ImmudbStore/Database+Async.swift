public import MerkleTree
public import StorageIO

// The functions of the database for tasks, which run on threads of the database. Each suspends its task and blocks no
// thread. Cancelling a task that waits for a write does not stop the write, nor discard its result.

extension Database {
    // MARK: writing

    /// Appends one entry.
    /// - Returns: its index, once it is durable.
    /// - Throws: see ``append(_:source:isCancelled:completion:)``.
    @discardableResult
    public func set(_ key: [UInt8], _ value: [UInt8]) async throws(StoreError) -> EntryIndex {
        try await append([NewEntry(key: key, value: value)]).last
    }

    /// Appends a batch: all of its entries, next to each other, or none.
    /// - Returns: the indexes of the first and the last one, once all are durable.
    /// - Throws: see ``append(_:source:isCancelled:completion:)``.
    @discardableResult
    public func setBatch(_ entries: [NewEntry]) async throws(StoreError) -> ClosedRange<EntryIndex>
    {
        let appended = try await append(entries)
        return appended.first...appended.last
    }

    /// Gives a key a second name: reading the name gives the key's newest entry, one level deep.
    /// - Returns: the index of the reference's own entry, once it is durable.
    /// - Throws: `keyNotFound` if the key was never written; `invalidKey` for the key,
    ///   `invalidReference` for the name; see ``append(_:source:isCancelled:completion:)``.
    @discardableResult
    public func addReference(
        _ name: [UInt8], to key: [UInt8]
    ) async throws(StoreError) -> EntryIndex {
        try await append([.reference(name, to: key)]).last
    }

    /// Puts a key into a sorted set, which it may be in already.
    /// - Returns: the index of the set's entry, once it is durable.
    /// - Throws: `keyNotFound` if no key of the member's name was ever written; see
    ///   ``NewEntry/member(_:of:score:)-([UInt8],_,_)`` and ``append(_:source:isCancelled:completion:)``.
    @discardableResult
    public func addMember(
        _ member: [UInt8], to set: [UInt8], score: Double
    ) async throws(StoreError) -> EntryIndex {
        try await append([try .member(member, of: set, score: score)]).last
    }

    /// Appends one entry as ``set(_:_:)-([UInt8],_)`` does, and returns it with its proof.
    ///
    /// - Parameters:
    ///   - key: the entry's key.
    ///   - value: the entry's value.
    ///   - since: the size of the tree that the caller knows; 0 for none.
    /// - Throws: also `invalidRootIndex` if that tree is larger than this one; nothing is written
    ///   then.
    public func setProven(
        _ key: [UInt8], _ value: [UInt8], since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry {
        let batch = try await setBatchProven([NewEntry(key: key, value: value)], since: since)
        return batch[0]
    }

    /// Adds a reference as ``addReference(_:to:)-([UInt8],_)`` does, with the proof of the reference's own entry; see
    /// ``setProven(_:_:since:)-([UInt8],_,_)``.
    public func addReferenceProven(
        _ name: [UInt8], to key: [UInt8], since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry {
        try await setBatchProven([.reference(name, to: key)], since: since)[0]
    }

    /// Adds a member as ``addMember(_:to:score:)-([UInt8],_,_)`` does, with the proof of the set's entry; see
    /// ``setProven(_:_:since:)-([UInt8],_,_)``.
    public func addMemberProven(
        _ member: [UInt8], to set: [UInt8], score: Double, since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry {
        let entry = try NewEntry.member(member, of: set, score: score)
        return try await setBatchProven([entry], since: since)[0]
    }

    /// Appends a batch as ``setBatch(_:)`` does, and returns the proof of each entry, all of the same snapshot.
    /// - Throws: also `storedUnproven`: the entries are stored, and must not be written again.
    public func setBatchProven(
        _ entries: [NewEntry], since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> [ProvenEntry] {
        try snapshot.requireSize(since)
        let appended = try await append(entries)
        do throws(StoreError) {
            return try await readers.run { () throws(StoreError) in
                var proven: [ProvenEntry] = []
                for (number, entry) in entries.enumerated() {
                    let entry = Entry(
                        index: EntryIndex(appended.first.rawValue + UInt64(number)),
                        kind: entry.kind, key: entry.key, value: entry.value)
                    let proof = try appended.snapshot.proof(of: entry, since: since)
                    proven.append(ProvenEntry(entry: entry, proof: proof))
                }
                return proven
            }
        } catch {
            throw StoreError(
                .storedUnproven,
                "the entries \(appended.first) to \(appended.last) are stored, but their proof cannot be "
                    + "made: read them instead of writing them again",
                cause: error)
        }
    }

    private func append(_ entries: [NewEntry]) async throws(StoreError) -> Appended {
        try Self.validate(entries, byteCount: CommitUnit.byteCount(of: entries))
        if entries.contains(where: \.namesKey) {
            // Reads the key index, which must not happen on a thread of tasks.
            try await readers.run { () throws(StoreError) in try self.requireTargets(entries) }
        }
        let result: Result<Appended, StoreError> = await withCheckedContinuation { continuation in
            appendChecked(
                CommitUnit(entries: entries) { continuation.resume(returning: $0) })
        }
        return try result.get()
    }

    // MARK: reading

    /// Returns the newest entry of a key; a reference is followed, one level.
    /// - Returns: nil if there is none.
    public func get(_ key: [UInt8]) async throws(StoreError) -> Entry? {
        try await read { snapshot throws(StoreError) in try snapshot.get(key) }
    }

    /// Returns the newest entry of each key that has one, in the order of `keys`, all of one snapshot.
    public func get(many keys: [[UInt8]]) async throws(StoreError) -> [Entry] {
        try await read { snapshot throws(StoreError) in
            var entries: [Entry] = []
            for key in keys {
                if let entry = try snapshot.get(key) { entries.append(entry) }
            }
            return entries
        }
    }

    /// Returns the entry of ``get(_:)-([UInt8])`` with its proof.
    ///
    /// - Parameters:
    ///   - key: the entry's key.
    ///   - since: the size of the tree that the caller knows; 0 for none.
    public func getProven(
        _ key: [UInt8], since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry? {
        try await read { snapshot throws(StoreError) in
            try snapshot.provenGet(key, since: since)
        }
    }

    /// Returns the versions of a key, newest first. See
    /// ``Snapshot/history(of:limit:before:byteLimit:)-([UInt8],_,_,_)``.
    public func history(
        of key: [UInt8], limit: Int = .max, before: EntryIndex? = nil, byteLimit: Int = .max
    ) async throws(StoreError) -> [Entry] {
        try await read { snapshot throws(StoreError) in
            try snapshot.history(of: key, limit: limit, before: before, byteLimit: byteLimit)
        }
    }

    /// Returns the entry at an index.
    /// - Throws: `indexNotFound`.
    public func entry(at index: EntryIndex) async throws(StoreError) -> Entry {
        try await read { snapshot throws(StoreError) in try snapshot.entry(at: index) }
    }

    /// See ``Snapshot/checkReading()``.
    public func checkReading() async throws(StoreError) {
        try await read { snapshot throws(StoreError) in try snapshot.checkReading() }
    }

    /// Returns the newest snapshot's root, and the proof that it includes an entry.
    public func inclusionProof(
        of index: EntryIndex
    ) async throws(StoreError) -> (root: Digest, proof: InclusionProof) {
        try await read { snapshot throws(StoreError) in
            (snapshot.root, try snapshot.inclusionProof(of: index))
        }
    }

    /// Returns the newest snapshot's root, and the proof that an older tree is its beginning.
    public func consistencyProof(
        from: TreeSize
    ) async throws(StoreError) -> (root: Digest, proof: ConsistencyProof) {
        try await read { snapshot throws(StoreError) in
            (snapshot.root, try snapshot.consistencyProof(from: from))
        }
    }

    /// Runs `body`, which reads snapshots, on a thread of the database. There are few of these threads: split long
    /// reads into pages.
    /// - Precondition: `body` neither closes the database nor waits for one of its `async` functions.
    public func reading<Value: Sendable>(
        _ body: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await readers.run(body)
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (Snapshot) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let snapshot = snapshot
        return try await readers.run { () throws(StoreError) in try body(snapshot) }
    }
}
