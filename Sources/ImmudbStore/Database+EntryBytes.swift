public import MerkleTree

// The functions that take keys or values, with text or data in place of bytes. The variants for bytes document
// what each guarantees, returns and throws.

extension NewEntry {
    /// A value of text, data or bytes, stored as it is.
    public init(key: some EntryBytes, value: some EntryBytes) {
        self.init(key: key.entryBytes, value: value.entryBytes)
    }

    /// Makes a second name for a key.
    public static func reference(_ name: some EntryBytes, to key: some EntryBytes) -> NewEntry {
        reference(name.entryBytes, to: key.entryBytes)
    }

    /// Makes a member of a sorted set.
    public static func member(
        _ member: some EntryBytes, of set: some EntryBytes, score: Double
    ) throws(StoreError) -> NewEntry {
        try .member(member.entryBytes, of: set.entryBytes, score: score)
    }
}

extension Database {
    // MARK: writing

    /// Appends one entry.
    @discardableResult
    public func set(
        _ key: some EntryBytes, _ value: some EntryBytes
    ) async throws(StoreError) -> EntryIndex {
        try await set(key.entryBytes, value.entryBytes)
    }

    /// Gives a key a second name.
    @discardableResult
    public func addReference(
        _ name: some EntryBytes, to key: some EntryBytes
    ) async throws(StoreError) -> EntryIndex {
        try await addReference(name.entryBytes, to: key.entryBytes)
    }

    /// Puts a key into a sorted set.
    @discardableResult
    public func addMember(
        _ member: some EntryBytes, to set: some EntryBytes, score: Double
    ) async throws(StoreError) -> EntryIndex {
        try await addMember(member.entryBytes, to: set.entryBytes, score: score)
    }

    /// Appends one entry, and returns it with its proof.
    public func setProven(
        _ key: some EntryBytes, _ value: some EntryBytes, since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry {
        try await setProven(key.entryBytes, value.entryBytes, since: since)
    }

    /// Gives a key a second name, and returns the reference's own entry with its proof.
    public func addReferenceProven(
        _ name: some EntryBytes, to key: some EntryBytes, since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry {
        try await addReferenceProven(name.entryBytes, to: key.entryBytes, since: since)
    }

    /// Puts a key into a sorted set, and returns the set's entry with its proof.
    public func addMemberProven(
        _ member: some EntryBytes, to set: some EntryBytes, score: Double,
        since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry {
        try await addMemberProven(
            member.entryBytes, to: set.entryBytes, score: score, since: since)
    }

    // MARK: reading

    /// Returns the newest entry of a key, or nil if the key has no entry.
    public func get(_ key: some EntryBytes) async throws(StoreError) -> Entry? {
        try await get(key.entryBytes)
    }

    /// Returns the newest entry of each key that has one.
    public func get(many keys: [some EntryBytes]) async throws(StoreError) -> [Entry] {
        try await get(many: keys.map(\.entryBytes))
    }

    /// Returns the newest entry of a key with its proof, or nil if the key has no entry.
    public func getProven(
        _ key: some EntryBytes, since: TreeSize = TreeSize(0)
    ) async throws(StoreError) -> ProvenEntry? {
        try await getProven(key.entryBytes, since: since)
    }

    /// Returns the versions of a key, newest first.
    public func history(
        of key: some EntryBytes, limit: Int = .max, before: EntryIndex? = nil,
        byteLimit: Int = .max
    ) async throws(StoreError) -> [Entry] {
        try await history(
            of: key.entryBytes, limit: limit, before: before, byteLimit: byteLimit)
    }

    // MARK: walks

    /// Returns the newest entries of the keys with a prefix.
    public func scan(
        prefix: some EntryBytes, after offset: (any EntryBytes)? = nil, limit: Int = .max,
        reverse: Bool = false, deep: Bool = false, byteLimit: Int = .max
    ) async throws(StoreError) -> [Entry] {
        try await scan(
            prefix: prefix.entryBytes, after: offset?.entryBytes, limit: limit, reverse: reverse,
            deep: deep, byteLimit: byteLimit)
    }

    /// Returns how many different keys have a prefix.
    public func count(prefix: some EntryBytes) async throws(StoreError) -> UInt64 {
        try await count(prefix: prefix.entryBytes)
    }

    /// Returns the members of a sorted set, in order.
    public func members(
        of set: some EntryBytes, after offset: (any EntryBytes)? = nil, limit: Int = .max,
        reverse: Bool = false, byteLimit: Int = .max
    ) async throws(StoreError) -> [SortedSetMember] {
        try await members(
            of: set.entryBytes, after: offset?.entryBytes, limit: limit, reverse: reverse,
            byteLimit: byteLimit)
    }
}

extension Snapshot {
    /// Returns the newest entry of a key, or nil if the key has no entry.
    public func get(_ key: some EntryBytes) throws(StoreError) -> Entry? {
        try get(key.entryBytes)
    }

    /// Returns whether a key was written, or is the name of a reference.
    public func contains(_ key: some EntryBytes) throws(StoreError) -> Bool {
        try contains(key.entryBytes)
    }

    /// Returns the newest entry of a key with its proof, or nil if the key has no entry.
    public func provenGet(
        _ key: some EntryBytes, since: TreeSize
    ) throws(StoreError) -> ProvenEntry? {
        try provenGet(key.entryBytes, since: since)
    }

    /// Returns the versions of a key, newest first.
    public func history(
        of key: some EntryBytes, limit: Int = .max, before: EntryIndex? = nil,
        byteLimit: Int = .max
    ) throws(StoreError) -> [Entry] {
        try history(of: key.entryBytes, limit: limit, before: before, byteLimit: byteLimit)
    }

    /// Returns the newest entries of the keys with a prefix.
    public func scan(
        prefix: some EntryBytes, after offset: (any EntryBytes)? = nil, limit: Int = .max,
        reverse: Bool = false, deep: Bool = false, byteLimit: Int = .max
    ) throws(StoreError) -> [Entry] {
        try scan(
            prefix: prefix.entryBytes, after: offset?.entryBytes, limit: limit, reverse: reverse,
            deep: deep, byteLimit: byteLimit)
    }

    /// Returns how many different keys have a prefix.
    public func count(prefix: some EntryBytes) throws(StoreError) -> UInt64 {
        try count(prefix: prefix.entryBytes)
    }

    /// Returns the members of a sorted set, in order.
    public func members(
        of set: some EntryBytes, after offset: (any EntryBytes)? = nil, limit: Int = .max,
        reverse: Bool = false, byteLimit: Int = .max
    ) throws(StoreError) -> [SortedSetMember] {
        try members(
            of: set.entryBytes, after: offset?.entryBytes, limit: limit, reverse: reverse,
            byteLimit: byteLimit)
    }
}
