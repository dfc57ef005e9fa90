import Foundation
import ImmudbProtocol
public import ImmudbVerification
import RPCTransport
import SwiftProtobuf

// Plain calls are fast and trust the server: they return what it says.

extension ImmudbClient {
    /// The health that a server reports.
    public struct ServerHealth: Hashable, Sendable {
        /// Whether it takes writes and can look keys up.
        public let isWhole: Bool
        /// The reason why it takes no writes; nil if it takes them, and from servers of the original.
        public let writeProblem: String?
        /// The reason why it cannot look keys up; nil if it can, and from servers of the original.
        public let readProblem: String?
    }

    /// Asks whether the server takes writes and can look keys up.
    public func health() async throws(ClientError) -> ServerHealth {
        let answer: (message: Immudb_Schema_HealthResponse, trailers: Metadata) =
            try await answer(ImmuService.health, Google_Protobuf_Empty())
        return ServerHealth(
            isWhole: answer.message.status,
            writeProblem: answer.trailers.first(ImmuMetadata.writeProblem),
            readProblem: answer.trailers.first(ImmuMetadata.readProblem))
    }

    /// Appends a structured entry: the value with the current time.
    ///
    /// When it returns, the server claims that the entry is durable and in the tree.
    ///
    /// - Returns: the index of the new entry.
    /// - Throws: code `.outcomeUnknown` if the entry may still have been stored; with any other
    ///   code it is not.
    @discardableResult
    public func set(_ key: [UInt8], _ value: [UInt8]) async throws(ClientError) -> EntryIndex {
        try await rawSet(key, Content.now(value).storedValue)
    }

    /// Appends an entry whose value is stored as it is, without a time.
    @discardableResult
    public func rawSet(_ key: [UInt8], _ value: [UInt8]) async throws(ClientError) -> EntryIndex {
        let response: Immudb_Schema_Index = try await call(
            ImmuService.set, Immudb_Schema_KeyValue(key, value), about: [GivenName(.newKey, key)])
        return EntryIndex(response.index)
    }

    /// Appends structured entries, next to each other: all of them or none.
    ///
    /// - Returns: the index of the last one.
    @discardableResult
    public func setBatch(
        _ entries: [(key: [UInt8], value: [UInt8])]
    ) async throws(ClientError) -> EntryIndex {
        try await rawSetBatch(entries.map { ($0.key, Content.now($0.value).storedValue) })
    }

    /// Appends entries whose values are stored as they are, without a time, next to each other: all of them or none.
    @discardableResult
    public func rawSetBatch(
        _ entries: [(key: [UInt8], value: [UInt8])]
    ) async throws(ClientError) -> EntryIndex {
        var request = Immudb_Schema_KVList()
        request.kvs = entries.map { Immudb_Schema_KeyValue($0.key, $0.value) }
        let response: Immudb_Schema_Index = try await call(
            ImmuService.setBatch, request, about: entries.map { GivenName(.newKey, $0.key) })
        return EntryIndex(response.index)
    }

    /// Returns the newest entry of a key. For a reference it is the entry to which the reference points, with that
    /// entry's key.
    ///
    /// - Throws: code `.notFound` if there is none.
    public func get(_ key: [UInt8]) async throws(ClientError) -> Entry {
        let response: Immudb_Schema_Item = try await call(
            ImmuService.get, Immudb_Schema_Key(key), about: [GivenName(.existingKey, key)])
        return Entry(response)
    }

    /// Returns the newest entries of keys, in their order. Keys without an entry are left out, without an error:
    /// compare the keys of the entries.
    public func getBatch(_ keys: [[UInt8]]) async throws(ClientError) -> [Entry] {
        var request = Immudb_Schema_KeyList()
        request.keys = keys.map { Immudb_Schema_Key($0) }
        let response: Immudb_Schema_ItemList = try await call(
            ImmuService.getBatch, request, about: keys.map { GivenName(.existingKey, $0) })
        return response.items.map { Entry($0) }
    }

    /// Returns all entries of exactly this key, newest first; none if there is no such key. References are not
    /// followed.
    ///
    /// If the history is larger than the server's largest answer, 32 MiB, it returns the newest entries that fit:
    /// `versions(of:)` returns all.
    public func history(of key: [UInt8]) async throws(ClientError) -> [Entry] {
        let response: Immudb_Schema_ItemList = try await call(
            ImmuService.history, Immudb_Schema_Key(key), about: [GivenName(.existingKey, key)])
        return response.items.map { Entry($0) }
    }

    /// Returns the entry at an index.
    ///
    /// - Throws: code `.notFound` beyond the end.
    public func entry(at index: EntryIndex) async throws(ClientError) -> Entry {
        do throws(ClientError) {
            let response: Immudb_Schema_Item = try await call(
                ImmuService.byIndex, Immudb_Schema_Index(index))
            return Entry(response)
        } catch {
            var error = error
            if error.code == .notFound { error.hint = "there is no entry at index \(index)" }
            throw error
        }
    }

    /// Returns the root and size of the server's tree, as the server claims. They are not trusted yet.
    ///
    /// - Throws: `ClientError`, or `VerificationError` with code `.malformedProof` for a root of
    ///   another length than 32 bytes, and with code `.signatureInvalid` if the configuration pins a key and the
    ///   root is not signed with it.
    public func currentRoot() async throws -> TrustedRoot { try await signedRoot().root }

    /// Returns the same with the server's signature, if it signs its roots.
    ///
    /// The signature is valid if the configuration pins a key, and not verified otherwise.
    ///
    /// - Throws: as `currentRoot`.
    public func signedRoot() async throws -> SignedRoot {
        try await keepingEvidence {
            let shown = try await shownRoot()
            try configuration.signingKey?.verify(shown)
            return shown
        }
    }

    /// Returns the root that the server shows, without a look at its signature.
    func shownRoot() async throws -> SignedRoot {
        let response: Immudb_Schema_Root = try await call(
            ImmuService.currentRoot, Google_Protobuf_Empty())
        let root = try TrustedRoot(lastIndex: response.index, rootBytes: response.root)
        guard response.hasSignature else { return SignedRoot(root) }
        return SignedRoot(
            root,
            signature: RootSignature(
                signature: [UInt8](response.signature.signature),
                publicKey: [UInt8](response.signature.publicKey)))
    }

    /// Returns the proof that an entry is in the server's tree, with leaf and root, without verifying it.
    ///
    /// - Throws: `ClientError` with code `.notFound` beyond the end, `VerificationError` with code
    ///   `.malformedProof`.
    public func inclusionProof(
        of index: EntryIndex
    ) async throws -> (proof: InclusionProof, leaf: Digest, root: Digest) {
        let response: Immudb_Schema_InclusionProof = try await call(
            ImmuService.inclusion, Immudb_Schema_Index(index))
        let new = try TrustedRoot(lastIndex: response.at, rootBytes: response.root)
        let proof = InclusionProof(
            index: EntryIndex(response.index), size: new.size,
            path: try Digest.path(received: response.path))
        return (proof, try Digest(received: response.leaf, as: "the leaf"), new.root)
    }

    /// Returns the proof that the server's tree begins with an older one, with its new root, without verifying it.
    ///
    /// - Parameter size: the size of the older tree, not empty.
    /// - Throws: as `inclusionProof`; code `.notFound` if the server's tree is smaller.
    public func consistencyProof(
        from size: TreeSize
    ) async throws -> (proof: ConsistencyProof, newRoot: Digest) {
        precondition(!size.isEmpty, "the wire has no consistency proof from the empty tree")
        let response: Immudb_Schema_ConsistencyProof = try await call(
            ImmuService.consistency, Immudb_Schema_Index(size.lastIndex ?? EntryIndex(0)))
        let new = try TrustedRoot(lastIndex: response.second, rootBytes: response.secondRoot)
        guard TreeSize(endingAt: response.first) == size else {
            throw VerificationError(
                .malformedProof,
                "the consistency proof is from index \(response.first), not from the requested one",
                newRoot: new.root, newSize: new.size)
        }
        let proof = ConsistencyProof(
            from: size, to: new.size, path: try Digest.path(received: response.path))
        return (proof, new.root)
    }
}
