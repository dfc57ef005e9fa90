import ImmudbProtocol
public import ImmudbVerification
import RPCTransport
import SwiftProtobuf

// Verified calls. Each one reads the trusted root, sends its last index, verifies the answer, and moves the
// trusted root forward. On any failure the trusted root stays.

extension ImmudbClient {
    /// Appends a structured entry, the value with the current time, and verifies that the server has stored it.
    ///
    /// When it returns, the entry is in a tree that continues everything this client has trusted
    /// before, and the root of that tree is stored as trusted.
    ///
    /// - Throws: `VerificationError` if the answer does not prove it: the server has probably stored
    ///   the entry, at the error's `index` as it says, unless the error's `isRefusal` is true. `ClientError` if there is no
    ///   answer: with code `.outcomeUnknown` the entry may have been stored, with any other it is not.
    @discardableResult
    public func verifiedSet(
        _ key: [UInt8], _ value: [UInt8]
    ) async throws -> Verified<Entry> {
        try await verifiedRawSet(key, Content.now(value).storedValue)
    }

    /// Appends and verifies an entry whose value is stored as it is, without a time; see `verifiedSet`.
    @discardableResult
    public func verifiedRawSet(
        _ key: [UInt8], _ value: [UInt8]
    ) async throws -> Verified<Entry> {
        try await verifiedWrite(
            ImmuService.safeSet, nil, key: key, value: value, about: [GivenName(.newKey, key)]
        ) { rootIndex in
            var request = Immudb_Schema_SafeSetOptions()
            request.kv = Immudb_Schema_KeyValue(key, value)
            if let rootIndex { request.rootIndex = rootIndex }
            return request
        }
    }

    /// Writes one entry, and verifies that it was written with that key and value.
    ///
    /// - Parameters:
    ///   - path: the path of the RPC.
    ///   - kind: the kind of the entry, for the result; nil leaves it open.
    ///   - key: the entry's key.
    ///   - value: the entry's value.
    ///   - names: the names in the call, for the error.
    ///   - request: makes the request with the last index of the trusted tree.
    func verifiedWrite(
        _ path: String, _ kind: EntryKind?, key: [UInt8], value: [UInt8],
        about names: [GivenName], _ request: (Immudb_Schema_Index?) -> some Message
    ) async throws -> Verified<Entry> {
        linker.mover.beginWrite()
        defer { linker.mover.endWrite() }
        return try await keepingEvidence {
            let trusted = try await trustedRoot()
            let rootIndex = trusted.size.lastIndex.map { Immudb_Schema_Index($0) }
            let response: Immudb_Schema_Proof = try await verifiedCall(
                path, request(rootIndex), since: trusted, about: names)
            do {
                let proof = UncheckedProof(response)
                let verified = try proof.verify(
                    writtenKey: key, value: value, since: trusted, kind: kind)
                linker.mover.note(proof, of: verified.value.index)
                try await afterWrite {
                    _ = try await trust(verified.root, continuing: trusted, by: proof)
                }
                return verified
            } catch var error as VerificationError {
                // The one that the server has acknowledged, also if another of its answers proves it a liar.
                error.index = EntryIndex(response.index)
                throw error
            }
        }
    }

    /// Returns the newest entry of a key, verified to be in a tree that continues everything this client has trusted
    /// before.
    ///
    /// Only the server claims that it is the newest, see `Verified`. For a reference it is the newest entry of the key
    /// to which it refers; the reference's own entry is verified, too, and returned with it.
    ///
    /// If the server says that there is no such key, which cannot be proven, its tree is at least verified to continue
    /// the trusted one.
    ///
    /// - Throws: `VerificationError` if the answer does not prove it; `ClientError`, with code
    ///   `.notFound` if there is no such key.
    public func verifiedGet(_ key: [UInt8]) async throws -> Verified<Entry> {
        try await checkedGet(key).result.get()
    }

    /// Returns the answer to a verified read together with the outcome, for tools that also show answers that they do
    /// not trust.
    package func checkedGet(_ key: [UInt8]) async throws -> CheckedEntry {
        var entry: Entry?
        do {
            let (verified, _) = try await keepingEvidence {
                try await verifiedGet(key) { entry = $0 }
            }
            return CheckedEntry(entry: verified.value, result: .success(verified))
        } catch let error as VerificationError {
            guard let entry else { throw error }
            return CheckedEntry(entry: entry, result: .failure(error))
        }
    }

    /// - Parameter show: called with the received entry before anything about it is verified.
    func verifiedGet(
        _ key: [UInt8], show: (Entry) -> Void = { _ in }
    ) async throws -> (Verified<Entry>, UncheckedProof) {
        let trusted = try await trustedRoot()
        var request = Immudb_Schema_SafeGetOptions()
        request.key = Immudb_Schema_Key(key).key
        if let last = trusted.size.lastIndex { request.rootIndex = Immudb_Schema_Index(last) }
        let response: Immudb_Schema_SafeItem
        do {
            response = try await verifiedCall(
                ImmuService.safeGet, request, since: trusted, about: [GivenName(.existingKey, key)])
        } catch let error as ClientError where error.code == .notFound {
            try await verifyContinuation()
            throw error
        }
        let entry = Entry(response.item)
        show(entry)
        let proof = UncheckedProof(response.proof)
        let verified = try proof.verify(read: entry, since: trusted)
        guard entry.key != key else {
            try await trust(verified.root, continuing: trusted, by: proof)
            return (verified, proof)
        }
        let reference = try await reference(key, to: entry.key, trusted)
        if reference.tree == verified.root {
            try await trust(verified.root, continuing: trusted, by: proof)
        } else {
            // Both trees are trusted or none: nothing of a false answer is kept.
            _ = try await linker.link([verified.root, reference.tree], for: self)
        }
        return (verified.found(by: reference.entry), proof)
    }

    /// Makes a call that carries the trusted root's index.
    ///
    /// A server whose tree no longer has that index refuses the call; that is evidence, not an error of the caller.
    func verifiedCall<Request: Message, Response: Message>(
        _ path: String, _ request: Request, since trusted: TrustedRoot, about names: [GivenName]
    ) async throws -> Response {
        do {
            return try await call(path, request, about: names)
        } catch {
            let isRootRefused =
                error.status == .invalidArgument
                && error.message == ErrorText.invalidRootIndex
            guard isRootRefused, !trusted.size.isEmpty else { throw error }
            var refusal = await shrank(below: trusted, error)
            refusal.isRefusal = true
            throw refusal
        }
    }
}

/// The answer to a verified read, and whether to trust it.
package struct CheckedEntry: Sendable {
    package let entry: Entry
    package let result: Result<Verified<Entry>, VerificationError>
}
