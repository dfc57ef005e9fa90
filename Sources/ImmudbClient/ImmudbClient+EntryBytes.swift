public import ImmudbVerification

// Every call that takes keys or values, with text or data in place of bytes. The variants for bytes document what each
// guarantees, returns and throws.

extension ImmudbClient {
    // MARK: plain

    /// Appends a structured entry: the value with the current time.
    @discardableResult
    public func set(
        _ key: some EntryBytes, _ value: some EntryBytes
    ) async throws(ClientError) -> EntryIndex {
        try await set(key.entryBytes, value.entryBytes)
    }

    /// Appends an entry whose value is stored as it is, without a time.
    @discardableResult
    public func rawSet(
        _ key: some EntryBytes, _ value: some EntryBytes
    ) async throws(ClientError) -> EntryIndex {
        try await rawSet(key.entryBytes, value.entryBytes)
    }

    /// Appends structured entries, next to each other: all of them or none.
    @discardableResult
    public func setBatch(
        _ entries: [(key: some EntryBytes, value: some EntryBytes)]
    ) async throws(ClientError) -> EntryIndex {
        try await setBatch(entries.map { ($0.key.entryBytes, $0.value.entryBytes) })
    }

    /// Appends entries whose values are stored as they are, next to each other: all of them or none.
    @discardableResult
    public func rawSetBatch(
        _ entries: [(key: some EntryBytes, value: some EntryBytes)]
    ) async throws(ClientError) -> EntryIndex {
        try await rawSetBatch(entries.map { ($0.key.entryBytes, $0.value.entryBytes) })
    }

    /// Returns the newest entry of a key.
    public func get(_ key: some EntryBytes) async throws(ClientError) -> Entry {
        try await get(key.entryBytes)
    }

    /// Returns the newest entries of several keys.
    public func getBatch(_ keys: [some EntryBytes]) async throws(ClientError) -> [Entry] {
        try await getBatch(keys.map(\.entryBytes))
    }

    /// Returns the entries of a key, newest first, in one answer.
    public func history(of key: some EntryBytes) async throws(ClientError) -> [Entry] {
        try await history(of: key.entryBytes)
    }

    /// Appends a reference: another name for a key.
    @discardableResult
    public func reference(
        _ name: some EntryBytes, to key: some EntryBytes
    ) async throws(ClientError) -> EntryIndex {
        try await reference(name.entryBytes, to: key.entryBytes)
    }

    /// Adds a key to a sorted set.
    @discardableResult
    public func zAdd(
        _ key: some EntryBytes, to set: some EntryBytes, score: Double
    ) async throws(ClientError) -> EntryIndex {
        try await zAdd(key.entryBytes, to: set.entryBytes, score: score)
    }

    // MARK: walks

    /// Returns the newest entries of the keys with a prefix, in byte order, in one answer.
    public func scan(
        prefix: some EntryBytes, after offset: any EntryBytes = "", limit: UInt64? = nil,
        reverse: Bool = false, deep: Bool = false
    ) async throws(ClientError) -> [Entry] {
        try await scan(
            prefix: prefix.entryBytes, after: offset.entryBytes, limit: limit, reverse: reverse,
            deep: deep)
    }

    /// Returns the newest entries of the keys with a prefix, in byte order, requested page by page.
    public func entries(
        withPrefix prefix: some EntryBytes, after first: any EntryBytes = "",
        before end: (any EntryBytes)? = nil, reverse: Bool = false, pageSize: Int = 1_000
    ) -> EntrySequence<any Error> {
        entries(
            withPrefix: prefix.entryBytes, after: first.entryBytes, before: end?.entryBytes,
            reverse: reverse, pageSize: pageSize)
    }

    /// Returns all entries of exactly this key, newest first, requested page by page.
    public func versions(of key: some EntryBytes) -> EntrySequence<any Error> {
        versions(of: key.entryBytes)
    }

    /// Returns the newest entries of a sorted set's members, by score, then by key.
    public func zScan(
        _ set: some EntryBytes, after offset: any EntryBytes = "", limit: UInt64? = nil,
        reverse: Bool = false
    ) async throws(ClientError) -> [Entry] {
        try await zScan(
            set.entryBytes, after: offset.entryBytes, limit: limit, reverse: reverse)
    }

    /// Returns how many different keys have a prefix, which must not be empty.
    public func count(prefix: some EntryBytes) async throws(ClientError) -> UInt64 {
        try await count(prefix: prefix.entryBytes)
    }

    // MARK: verified

    /// Appends a structured entry and verifies that it is in the tree.
    @discardableResult
    public func verifiedSet(
        _ key: some EntryBytes, _ value: some EntryBytes
    ) async throws -> Verified<Entry> {
        try await verifiedSet(key.entryBytes, value.entryBytes)
    }

    /// Appends and verifies an entry whose value is stored as it is, see `verifiedSet`.
    @discardableResult
    public func verifiedRawSet(
        _ key: some EntryBytes, _ value: some EntryBytes
    ) async throws -> Verified<Entry> {
        try await verifiedRawSet(key.entryBytes, value.entryBytes)
    }

    /// Appends structured entries, next to each other: all of them or none. Then verifies each.
    @discardableResult
    public func verifiedSetBatch(
        _ entries: [(key: some EntryBytes, value: some EntryBytes)]
    ) async throws -> [Verified<Entry>] {
        try await verifiedSetBatch(entries.map { ($0.key.entryBytes, $0.value.entryBytes) })
    }

    /// Appends and verifies entries whose values are stored as they are, see `verifiedSetBatch`.
    @discardableResult
    public func verifiedRawSetBatch(
        _ entries: [(key: some EntryBytes, value: some EntryBytes)]
    ) async throws -> [Verified<Entry>] {
        try await verifiedRawSetBatch(entries.map { ($0.key.entryBytes, $0.value.entryBytes) })
    }

    /// Returns the newest entry of a key, verified.
    public func verifiedGet(_ key: some EntryBytes) async throws -> Verified<Entry> {
        try await verifiedGet(key.entryBytes)
    }

    /// Appends a reference and verifies that it is in the tree.
    @discardableResult
    public func verifiedReference(
        _ name: some EntryBytes, to key: some EntryBytes
    ) async throws -> Verified<Entry> {
        try await verifiedReference(name.entryBytes, to: key.entryBytes)
    }

    /// Adds a key to a sorted set and verifies that the member is in the tree.
    @discardableResult
    public func verifiedZAdd(
        _ key: some EntryBytes, to set: some EntryBytes, score: Double
    ) async throws -> Verified<Entry> {
        try await verifiedZAdd(key.entryBytes, to: set.entryBytes, score: score)
    }

    /// Returns the entries of a key, newest first, verified page by page.
    public func verifiedHistory(of key: some EntryBytes) -> VerifiedEntrySequence {
        verifiedHistory(of: key.entryBytes)
    }

    /// Returns the newest entries of the keys with a prefix, in byte order, verified page by page.
    public func verifiedScan(
        prefix: some EntryBytes, after first: any EntryBytes = "",
        before end: (any EntryBytes)? = nil, reverse: Bool = false, pageSize: Int = 1_000
    ) -> VerifiedEntrySequence {
        verifiedScan(
            prefix: prefix.entryBytes, after: first.entryBytes, before: end?.entryBytes,
            reverse: reverse, pageSize: pageSize)
    }

    /// Returns a receipt of a key's newest entry.
    public func receipt(of key: some EntryBytes) async throws -> Receipt {
        try await receipt(of: key.entryBytes)
    }
}
