import Foundation
import SwiftProtobuf
import Testing

@testable import RPCTransport

extension NetworkTests {
    @Suite("A server that greets its clients and disconnects without an answer")
    struct LeavingServerTests {
        /// The time and the manner in which the server disconnects.
        enum Leaving: CaseIterable {
            case goAwayAtOnce, closeAtOnce, goAwayAtRequest, closeAtRequest
        }

        private func start(_ leaving: Leaving) async throws -> HostileServer {
            try await HostileServer.start { connection, event in
                let isAtOnce = leaving == .goAwayAtOnce || leaving == .closeAtOnce
                switch event {
                case .opened:
                    connection.send(RawFrame.settings)
                    guard isAtOnce else { return }
                case .request:
                    guard !isAtOnce else { return }
                }
                if leaving == .goAwayAtOnce || leaving == .goAwayAtRequest {
                    connection.send(RawFrame.goAway(last: 0))
                }
                connection.close()
            }
        }

        private func call(_ client: RPCClient) async throws {
            let error = try await failure {
                let _: RPCResponse<Empty> = try await client.unary(
                    "/test.Peer/Echo", Empty(), timeout: .seconds(20))
            }
            #expect(error.code == .unavailable, "\(error)")
        }

        @Test("is not connected to again before the pause is over", arguments: Leaving.allCases)
        func pause(leaving: Leaving) async throws {
            let server = try await start(leaving)
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
            configuration.initialBackoff = .seconds(60)
            configuration.maxBackoff = .seconds(60)
            let client = RPCClient(configuration)
            for _ in 0..<50 { try await call(client) }
            #expect(server.seen.openings.count == 1)
            await client.shutdown()
            await server.stop()
        }

        @Test("is connected to after growing pauses", arguments: Leaving.allCases)
        func growth(leaving: Leaving) async throws {
            let server = try await start(leaving)
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
            configuration.initialBackoff = .milliseconds(20)
            configuration.waitForReady = true
            let client = RPCClient(configuration)
            while server.seen.openings.count < 6 { try await call(client) }
            let openings = server.seen.openings
            // A pause varies by a fifth.
            var least = configuration.initialBackoff * 4 / 5
            for (earlier, later) in zip(openings, openings.dropFirst()) {
                #expect(later - earlier >= least)
                least = least * 8 / 5
            }
            await client.shutdown()
            await server.stop()
        }
    }
}
