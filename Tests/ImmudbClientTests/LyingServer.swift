import Foundation
import ImmudbClient
import ImmudbProtocol
import MerkleTree
import RPCTransport
import SwiftProtobuf
import Synchronization

/// A server of immudb's wire with a ledger in memory, honest until it is told to lie.
final class LyingServer: Sendable {
    static let identityText = "dc1jror8di1986gclkv0"

    /// The lies and failures of the server. At first there are none.
    struct State: Sendable {
        var ledger: TestLedger
        /// The authorization of each Health call so far.
        var healthTokens: [String?] = []
        var alterRead: (@Sendable (inout Immudb_Schema_SafeItem) -> Void)?
        var alterWrite: (@Sendable (inout Immudb_Schema_Proof) -> Void)?
        var alterConsistency: (@Sendable (inout Immudb_Schema_ConsistencyProof) -> Void)?
        var alterRoot: (@Sendable (inout Immudb_Schema_Root) -> Void)?
        var alterHistory: (@Sendable (inout Immudb_Schema_ItemList) -> Void)?
        var alterInclusion: (@Sendable (inout Immudb_Schema_InclusionProof) -> Void)?
        var alterByIndex: (@Sendable (inout Immudb_Schema_Item) -> Void)?
        var alterBatch: (@Sendable (inout Immudb_Schema_Index) -> Void)?
        /// The answer to every scan, and the items of every page.
        var page: [Immudb_Schema_Item] = []
        /// The number of empty messages that make up every dump.
        var emptyDumpMessageCount = 0
        /// Leaves requests for consistency proofs unanswered.
        var ignoresConsistency = false
        var ignoredConsistencyCount = 0
        /// Answers for every index that there is no entry.
        var deniesEntries = false
        /// Changes values before they are written.
        var alterValue: (@Sendable ([UInt8]) -> [UInt8])?
        /// Answers the next verified write from another history, which split off before it.
        var forksNextWrite = false
        /// Acknowledges a write with the proof of an older, equal entry.
        var ignoresWrites = false
        /// Answers with its own tree, whatever root the client trusts.
        var acceptsAnyRootIndex = false
        /// Holds back answers to writes until this many are waiting, then sends them, the last one
        /// first.
        var writesToGather = 1
        var gathered: [@Sendable () -> Void] = []
    }

    private let handlers: LyingHandlers
    private let server: RPCServer
    var port: Int { server.port }

    /// - Parameter identity: the identity that the server sends, or nil to send none.
    static func start(
        _ ledger: TestLedger, identity: String? = identityText, port: Int = 0
    ) async throws -> LyingServer {
        var configuration = RPCServer.Configuration(host: "127.0.0.1", port: port)
        if let identity {
            configuration.initialHeaders = [ImmuMetadata.serverIdentity: identity]
        }
        let handlers = LyingHandlers(State(ledger: ledger))
        let server = try await RPCServer.start(configuration, methods: handlers.methods)
        return LyingServer(handlers: handlers, server: server)
    }

    private init(handlers: LyingHandlers, server: RPCServer) {
        self.handlers = handlers
        self.server = server
    }

    /// The number of requests for consistency proofs that were left unanswered.
    var ignoredConsistencyCount: Int { handlers.state.withLock { $0.ignoredConsistencyCount } }

    var healthTokens: [String?] { handlers.state.withLock { $0.healthTokens } }
    var ledger: TestLedger { handlers.state.withLock { $0.ledger } }

    /// Changes the server's state and behaviour from now on.
    func change(_ body: (inout State) -> Void) {
        handlers.state.withLock { body(&$0) }
    }

    func stop() async {
        await server.shutdown(deadline: .seconds(1))
    }
}
