import Foundation
import ImmudbClient
import ImmudbProtocol
import ImmudbVerification
import RPCTransport

/// CPU time, in microseconds, of the verification of one answer: the hashes and comparisons alone.
enum VerificationCost {
    private static let count = 50_000

    /// - Parameter key: of an entry of the database.
    static func read(_ clients: BareClients, _ key: [UInt8]) async throws -> Double {
        let trusted = try await clients.verifying.trustedRoot()
        var request = Immudb_Schema_SafeGetOptions()
        request.key = Data(key)
        if let last = trusted.size.lastIndex { request.rootIndex.index = last.rawValue }
        let answer: RPCResponse<Immudb_Schema_SafeItem> = try await clients.transport.unary(
            ImmuService.safeGet, request)
        let item = answer.message.item
        let entry = Entry(
            index: EntryIndex(item.index), key: [UInt8](item.key), value: [UInt8](item.value))
        let proof = UncheckedProof(answer.message.proof)
        return try cost { _ = try proof.verify(read: entry, of: key, since: trusted) }
    }

    static func write(_ clients: BareClients, _ key: [UInt8], _ value: [UInt8]) async throws
        -> Double
    {
        let trusted = try await clients.verifying.trustedRoot()
        var request = Immudb_Schema_SafeSetOptions()
        request.kv.key = Data(key)
        request.kv.value = Data(value)
        if let last = trusted.size.lastIndex { request.rootIndex.index = last.rawValue }
        let answer: RPCResponse<Immudb_Schema_Proof> = try await clients.transport.unary(
            ImmuService.safeSet, request)
        let proof = UncheckedProof(answer.message)
        return try cost {
            _ = try proof.verify(writtenKey: key, value: value, since: trusted)
        }
    }

    private static func cost(_ verify: () throws -> Void) throws -> Double {
        let before = try cpuSeconds(process: getpid())
        for _ in 0..<count { try verify() }
        return (try cpuSeconds(process: getpid()) - before) / Double(count) * 1e6
    }
}

extension UncheckedProof {
    fileprivate init(_ proof: Immudb_Schema_Proof) {
        self.init(
            leaf: [UInt8](proof.leaf), index: proof.index, at: proof.at, root: [UInt8](proof.root),
            inclusionPath: proof.inclusionPath.map { [UInt8]($0) },
            consistencyPath: proof.consistencyPath.map { [UInt8]($0) })
    }
}
