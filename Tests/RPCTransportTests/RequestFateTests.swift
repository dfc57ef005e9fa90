import Foundation
import RPCTransport
import SwiftProtobuf
import Synchronization
import Testing

extension NetworkTests {
    @Suite("The fate of a failed call's request")
    struct RequestFateTests {
        private func call(
            _ client: RPCClient, _ method: String, _ request: some Message,
            timeout: Duration? = nil
        ) async throws {
            let _: RPCResponse<Empty> = try await client.unary(
                "/test.Peer/\(method)", request, timeout: timeout)
        }

        @Test("is answered, perhaps processed, or certainly not processed")
        func fates() async throws {
            let counters = Counters()
            let server = try await PeerServer.start(counters)
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let refused = try await failure {
                try await call(client, "Fail", StringValue("14:down"))
            }
            #expect(refused.code == .unavailable && refused.requestFate == .answered)
            let late = try await failure {
                try await call(client, "Hold", Empty(), timeout: .milliseconds(200))
            }
            #expect(late.code == .deadlineExceeded)
            // The server may report it first.
            #expect(late.requestFate != .notProcessed)

            let before = counters.held.load(ordering: .relaxed)
            let held = Task { try await call(client, "Hold", Empty()) }
            #expect(try await eventually { counters.held.load(ordering: .relaxed) > before })
            held.cancel()
            let cancelled = try await failure { try await held.value }
            #expect(cancelled.code == .cancelled)
            #expect(cancelled.requestFate == .mayHaveBeenProcessed)
            // The call may end before or after its task waits for it.
            for _ in 0..<200 {
                let early = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await call(client, "Hold", Empty())
                }
                let unsent = try await failure { try await early.value }
                #expect(unsent.code == .cancelled && unsent.requestFate == .notProcessed)
            }

            let lost = Task { try await call(client, "Hold", Empty()) }
            #expect(try await eventually { counters.held.load(ordering: .relaxed) > before + 1 })
            await server.shutdown(deadline: .zero)
            let cut = try await failure { try await lost.value }
            #expect(cut.code == .unavailable && cut.requestFate == .mayHaveBeenProcessed)
            // Wait until the client has noticed that the old connection is gone.
            var refusal = cut
            while !refusal.message.contains("cannot connect") {
                refusal = try await failure { try await call(client, "Hold", Empty()) }
            }
            #expect(refusal.requestFate == .notProcessed)
            await client.shutdown()
            let ended = try await failure { try await call(client, "Hold", Empty()) }
            #expect(ended.code == .unavailable && ended.requestFate == .notProcessed)
        }

        @Test("is INTERNAL if the call has taken effect and there is no room for its answer")
        func lostAnswer() async throws {
            let finished = Mutex<[StatusCode]>([])
            let server = try await PeerServer.start {
                $0.maxHeldAnswerByteCount = 6_000
                $0.observer = { _ in
                    EndObserver { call in finished.withLock { $0.append(call.code) } }
                }
            }
            let peer = try await RawPeer.connect(server.port)
            for (number, method) in ["Effect", "Effect", "Large"].enumerated() {
                peer.call(method, 5_000)
                #expect(try await eventually { finished.withLock { $0.count } == number + 1 })
            }
            // The first one waits for its reader, alone.
            #expect(finished.withLock { $0 } == [.ok, .internalError, .resourceExhausted])
            await peer.close()
            await server.shutdown(deadline: .zero)
        }
    }
}
