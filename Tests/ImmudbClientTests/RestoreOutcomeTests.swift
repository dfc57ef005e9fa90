import ImmudbClient
import ImmudbProtocol
import LyingServer
import RPCTransport
import SwiftProtobuf
import Synchronization
import Testing

/// A restore that may have been made is never reported like one that failed.
@Suite("The outcome of a restore")
struct RestoreOutcomeTests {
    private static let identity: Metadata = [
        ImmuMetadata.serverIdentity: LyingServer.identityText
    ]

    /// Takes the pieces of a restore, and ends it with a status after the last one.
    ///
    /// - Parameters:
    ///   - code: the status; nil if the server is stopped without an answer.
    ///   - refusal: with what the piece is refused; then the restore does not end by itself.
    private func error(
        at code: StatusCode?, afterLast: Bool = true, refusal: StatusCode? = nil
    ) async throws -> ClientError {
        let hasArrived = Mutex(false)
        let server = try await RPCServer.start(
            RPCServer.Configuration(host: "127.0.0.1", port: 0),
            methods: [
                .unary(ImmuService.health) { (_: Google_Protobuf_Empty, call) in
                    call.reply(
                        Immudb_Schema_HealthResponse.with { $0.status = true },
                        headers: Self.identity)
                },
                .unary(ImmuService.currentRoot) { (_: Google_Protobuf_Empty, call) in
                    call.reply(Immudb_Schema_Root(), headers: Self.identity)
                },
                .unary(AdminService.restorePart) {
                    (_: Immudb_Admin_V1_RestorePartRequest, call) in
                    if let refusal { return call.fail(refusal, "why", headers: Self.identity) }
                    hasArrived.withLock { $0 = true }
                    call.reply(Immudb_Admin_V1_RestorePartReceived(), headers: Self.identity)
                },
                .serverStreaming(AdminService.restore) {
                    (_: Immudb_Admin_V1_RestoreRequest, stream) in
                    stream.setHeaders(Self.identity)
                    try await stream.send(Immudb_Admin_V1_RestoreProgress())
                    while code == nil || !hasArrived.withLock({ $0 }) {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                    throw RPCError(code ?? .ok, "no")
                },
            ])
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trust(.empty))
        let found = await #expect(throws: ClientError.self) {
            try await client.restore { upload in
                try await upload.send([1], of: "full.backup", endsRestore: afterLast)
                if code == nil { await server.shutdown(deadline: .zero) }
            }
        }
        await client.close()
        await server.shutdown(deadline: .zero)
        return try #require(found)
    }

    @Test("is unknown when the last piece was sent and no answer says that nothing is restored")
    func unknown() async throws {
        for code in [nil, .internalError, .deadlineExceeded] as [StatusCode?] {
            let error = try await error(at: code)
            #expect(error.code == .outcomeUnknown, "\(code?.name ?? "none"): \(error)")
            #expect(error.cause is ClientError)
        }
    }

    @Test("is failure when the server refuses it, or before the last piece")
    func failure() async throws {
        for (code, expected) in [
            (.dataLoss, .refused), (.failedPrecondition, .refused), (.aborted, .refused),
            (.unavailable, .unavailable), (.resourceExhausted, .refused),
        ] as [(StatusCode, ClientError.Code)] {
            let error = try await error(at: code)
            #expect(error.code == expected && error.status == code, "\(code.name): \(error)")
        }
        #expect(try await error(at: .internalError, afterLast: false).code == .refused)
        #expect(try await error(at: nil, afterLast: false).code == .unavailable)
        let refused = try await error(at: .ok, afterLast: false, refusal: .resourceExhausted)
        #expect(refused.status == .resourceExhausted && refused.message == "why")
    }
}
