import ImmudbModel
import ImmudbProtocol
public import ImmudbVerification

// References and sorted sets, plain and verified.

extension ImmudbClient {
    /// Gives a key a second name: reading the name reads the newest entry of the key.
    ///
    /// - Returns: the index of the reference's own entry.
    /// - Throws: code `.notFound` if the key was never written.
    @discardableResult
    public func reference(
        _ name: [UInt8], to key: [UInt8]
    ) async throws(ClientError) -> EntryIndex {
        let response: Immudb_Schema_Index = try await call(
            ImmuService.reference, Immudb_Schema_ReferenceOptions(name, key),
            about: [GivenName(.newReference, name), GivenName(.existingKey, key)])
        return EntryIndex(response.index)
    }

    /// Adds a key to a sorted set.
    ///
    /// - Parameters:
    ///   - key: the member.
    ///   - set: the name of the set.
    ///   - score: the members' order in the set; not NaN.
    /// - Returns: the index of the member's own entry.
    /// - Throws: code `.notFound` if the key was never written.
    @discardableResult
    public func zAdd(
        _ key: [UInt8], to set: [UInt8], score: Double
    ) async throws(ClientError) -> EntryIndex {
        let response: Immudb_Schema_Index = try await call(
            ImmuService.zAdd, Immudb_Schema_ZAddOptions(set, score, key),
            about: [GivenName(.set, set), GivenName(.existingKey, key)])
        return EntryIndex(response.index)
    }

    /// Adds a reference as `reference` does, and verifies that the server has stored it.
    ///
    /// - Returns: the reference's own entry: its key is the name, its value the key.
    /// - Throws: as `verifiedSet`.
    @discardableResult
    public func verifiedReference(
        _ name: [UInt8], to key: [UInt8]
    ) async throws -> Verified<Entry> {
        try await verifiedWrite(
            ImmuService.safeReference, .reference, key: name, value: key,
            about: [GivenName(.newReference, name), GivenName(.existingKey, key)]
        ) { rootIndex in
            var request = Immudb_Schema_SafeReferenceOptions()
            request.ro = Immudb_Schema_ReferenceOptions(name, key)
            if let rootIndex { request.rootIndex = rootIndex }
            return request
        }
    }

    /// Adds a member as `zAdd` does, and verifies that the server has stored it.
    ///
    /// - Returns: the member's own entry: its key is that of `setEntryKey`, its value the member.
    /// - Throws: as `verifiedSet`.
    @discardableResult
    public func verifiedZAdd(
        _ key: [UInt8], to set: [UInt8], score: Double
    ) async throws -> Verified<Entry> {
        let entryKey = Self.setEntryKey(set: set, score: score, member: key)
        return try await verifiedWrite(
            ImmuService.safeZAdd, .sortedSetMember, key: entryKey, value: key,
            about: [GivenName(.set, set), GivenName(.existingKey, key)]
        ) { rootIndex in
            var request = Immudb_Schema_SafeZAddOptions()
            request.zopts = Immudb_Schema_ZAddOptions(set, score, key)
            if let rootIndex { request.rootIndex = rootIndex }
            return request
        }
    }

    /// Returns the key under which a sorted set's entry is stored and digested: set, the score's 8 bytes (IEEE 754,
    /// big-endian), member. `zScan(_:after:)` continues after such a key.
    public static func setEntryKey(set: [UInt8], score: Double, member: [UInt8]) -> [UInt8] {
        SortedSetKey(set: set, score: score, member: member).bytes
    }

    /// Returns the same for text or data.
    public static func setEntryKey(
        set: some EntryBytes, score: Double, member: some EntryBytes
    ) -> [UInt8] {
        setEntryKey(set: set.entryBytes, score: score, member: member.entryBytes)
    }
}
