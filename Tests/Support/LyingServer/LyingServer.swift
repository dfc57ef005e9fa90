import Foundation
import ImmudbClient
package import ImmudbProtocol
import MerkleTree
package import RPCTransport
import SwiftProtobuf
import Synchronization

/// A server of immudb's wire with a ledger in memory, honest until it is told to lie.
package final class LyingServer: Sendable {
    package static let identityText = "dc1jror8di1986gclkv0"

    /// The lies of the server, which is honest at first.
    package struct State: Sendable {
        package var ledger: TestLedger
        /// The authorizations of the Health calls so far.
        package var healthTokens: [String?] = []
        package var alterRead: (@Sendable (inout Immudb_Schema_SafeItem) -> Void)?
        package var alterWrite: (@Sendable (inout Immudb_Schema_Proof) -> Void)?
        package var alterConsistency: (@Sendable (inout Immudb_Schema_ConsistencyProof) -> Void)?
        package var alterRoot: (@Sendable (inout Immudb_Schema_Root) -> Void)?
        package var alterHistory: (@Sendable (inout Immudb_Schema_ItemList) -> Void)?
        package var alterInclusion: (@Sendable (inout Immudb_Schema_InclusionProof) -> Void)?
        package var alterByIndex: (@Sendable (inout Immudb_Schema_Item) -> Void)?
        package var alterBatch: (@Sendable (inout Immudb_Schema_Index) -> Void)?
        /// The answer to every scan, and the items of every page.
        package var page: [Immudb_Schema_Item] = []
        /// Answers requests for pages with the ledger's entries instead of `page`.
        package var servesPages = false
        /// The number of empty messages of which every dump consists.
        package var emptyDumpMessageCount = 0
        /// Does not answer requests for consistency proofs.
        package var ignoresConsistency = false
        package var ignoredConsistencyCount = 0
        /// The authorizations of the requests for consistency proofs so far.
        package var consistencyTokens: [String?] = []
        /// Does not answer Health calls.
        package var ignoresHealth = false
        /// Claims for every index that there is no entry.
        package var deniesEntries = false
        /// Refuses the entries of a range; with `refusesRoots` also the root, as entry 0.
        package var refusal: (@Sendable (Range<UInt64>) -> RPCError?)?
        package var refusesRoots = false
        /// Changes values before they are written.
        package var alterValue: (@Sendable ([UInt8]) -> [UInt8])?
        /// Answers the next verified write from another history, which split off before it.
        package var forksNextWrite = false
        /// Acknowledges a write with the proof of an older, equal entry.
        package var ignoresWrites = false
        /// Answers with its tree whatever the client trusts.
        package var acceptsAnyRootIndex = false
        /// Holds back answers to writes until there are this many, then sends them, the last one
        /// first.
        package var writesToGather = 1
        package var gathered: [@Sendable () -> Void] = []

        package init(ledger: TestLedger) { self.ledger = ledger }
    }

    private let handlers: LyingHandlers
    private let server: RPCServer
    package var port: Int { server.port }

    /// - Parameter identity: the identity that it claims; nil to send none.
    package static func start(
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

    /// The number of unanswered requests for consistency proofs.
    package var ignoredConsistencyCount: Int {
        handlers.state.withLock { $0.ignoredConsistencyCount }
    }

    package var healthTokens: [String?] { handlers.state.withLock { $0.healthTokens } }
    package var consistencyTokens: [String?] { handlers.state.withLock { $0.consistencyTokens } }
    package var ledger: TestLedger { handlers.state.withLock { $0.ledger } }

    /// Changes the server's state.
    package func change(_ body: (inout State) -> Void) {
        handlers.state.withLock { body(&$0) }
    }

    package func stop() async {
        await server.shutdown(deadline: .seconds(1))
    }
}
