import Foundation
import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization
import Testing

extension NetworkTests {
    @Suite("A client in the server's process, and an interceptor")
    struct InProcessTests {
        private func echo(_ client: RPCClient, _ text: String) async throws -> String {
            let answer: RPCResponse<BytesValue> = try await client.unary(
                "/test.Peer/Echo", BytesValue(Data(text.utf8)), timeout: .seconds(20))
            return String(decoding: answer.message.value, as: UTF8.self)
        }

        @Test("makes calls and streams without a port, past the hook that adds TLS")
        func inProcess() async throws {
            let hooked = Counters()
            let server = try await PeerServer.start(hooked)
            let client = RPCClient(.init(inProcess: server))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2_000 {
                    group.addTask {
                        let text = String(repeating: "\(number) ", count: number)
                        let answer = try await echo(client, text)
                        #expect(answer == text)
                    }
                }
                try await group.waitForAll()
            }
            let address: RPCResponse<StringValue> = try await client.unary(
                "/test.Peer/PeerAddress", Empty())
            #expect(address.message.value == RPCServer.inProcessAddress)
            #expect(server.connectionCount == 1)
            #expect(hooked.connections.load(ordering: .relaxed) == 0)
            await client.shutdown()
            await server.shutdown(deadline: .seconds(5))
        }

        @Test(
            "fails calls after the server's shutdown with the reason, and cuts a client that stays"
        )
        func shutdown() async throws {
            let server = try await PeerServer.start()
            let client = RPCClient(.init(inProcess: server))
            #expect(try await echo(client, "x") == "x")
            await server.shutdown(deadline: .milliseconds(100))
            let error = try await failure { try await echo(client, "x") }
            #expect(error.code == .unavailable)
            let other = RPCClient(.init(inProcess: server))
            let refusal = try await failure { try await echo(other, "x") }
            #expect(refusal.code == .unavailable)
            #expect(refusal.message.contains("the server has been shut down"), "\(refusal)")
            await client.shutdown()
            await other.shutdown()
        }

        @Test("counts its connections against the limits of one address")
        func limits() async throws {
            let server = try await PeerServer.start { $0.maxConnectionsPerAddress = 2 }
            let clients = (0..<3).map { _ in RPCClient(.init(inProcess: server)) }
            #expect(try await echo(clients[0], "x") == "x")
            #expect(try await echo(clients[1], "x") == "x")
            let error = try await failure { try await echo(clients[2], "x") }
            #expect(error.code == .unavailable)
            for client in clients { await client.shutdown() }
            await server.shutdown(deadline: .seconds(5))
        }

        @Test("lets an interceptor see each call before its handler, and answer with its error")
        func interceptor() async throws {
            let seen = Mutex<[String]>([])
            let server = try await PeerServer.start {
                $0.interceptor = { (call) throws(RPCError) in
                    seen.withLock { $0.append(call.method) }
                    guard call.metadata.first("user") == "known" else {
                        throw RPCError(
                            .unauthenticated, "who are you?", trailers: ["realm": "test"])
                    }
                }
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            for method in ["Echo", "EchoInline", "EchoBlocking", "EchoWalk"] {
                let error = try await failure {
                    let _: RPCResponse<BytesValue> = try await client.unary(
                        "/test.Peer/\(method)", BytesValue(Data("x".utf8)))
                }
                #expect(error.code == .unauthenticated && error.message == "who are you?")
                #expect(error.trailers.first("realm") == "test")
                let answer: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/\(method)", BytesValue(Data("x".utf8)), metadata: ["user": "known"])
                #expect(answer.message.value == Data("x".utf8))
            }
            let error = try await failure {
                let answers: RPCResponseStream<Int64Value> = try await client.serverStreaming(
                    "/test.Peer/Count", Int64Value(3))
                for try await _ in answers { Issue.record("a refused stream has an answer") }
            }
            #expect(error.code == .unauthenticated)
            #expect(seen.withLock(\.count) == 9)
            await client.shutdown()
            await server.shutdown(deadline: .seconds(5))
        }
    }
}
