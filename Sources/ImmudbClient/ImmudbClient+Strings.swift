public import ImmudbVerification

// Keys and values as text, in UTF-8.

extension ImmudbClient {
    /// `set` with text.
    @discardableResult
    public func set(_ key: String, _ value: String) async throws(ClientError) -> EntryIndex {
        try await set(Array(key.utf8), Array(value.utf8))
    }

    /// `get` with text.
    public func get(_ key: String) async throws(ClientError) -> Entry {
        try await get(Array(key.utf8))
    }

    /// `verifiedSet` with text.
    @discardableResult
    public func verifiedSet(_ key: String, _ value: String) async throws -> Verified<Entry> {
        try await verifiedSet(Array(key.utf8), Array(value.utf8))
    }

    /// `verifiedGet` with text.
    public func verifiedGet(_ key: String) async throws -> Verified<Entry> {
        try await verifiedGet(Array(key.utf8))
    }
}
