import Foundation
import RPCTransport
import SwiftProtobuf
import Testing

extension NetworkTests {
    @Suite("RPCClient with a server of grpcio", .serialized)
    struct ClientByGrpcioTests {
        /// Runs a body against a grpcio server in a process of its own.
        private func withServer(
            _ configure: (inout RPCClient.Configuration) -> Void = { _ in },
            _ body: (RPCClient, Peer, Int) async throws -> Void
        ) async throws {
            let peer = try Peer("grpcio_server.py")
            defer { peer.kill() }
            let port = try #require(Int(await peer.line()))
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: port)
            configure(&configuration)
            let client = RPCClient(configuration)
            try await body(client, peer, port)
            await client.shutdown()
        }

        @Test(
            "makes calls with metadata, errors, streams, deadlines and cancellation"
        )
        func everything() async throws {
            try await withServer { client, _, _ in
                let steps: [(String, (RPCClient) async throws -> Void)] = [
                    ("messages", messages), ("metadata", metadata), ("errors", errors),
                    ("streams", streams), ("deadlines", deadlines), ("cancelling", cancelling),
                    ("bad answers", badAnswers), ("concurrency", concurrency),
                ]
                for (name, step) in steps {
                    do {
                        try await step(client)
                    } catch {
                        Issue.record("\(name): \(error)")
                    }
                }
            }
        }

        private func messages(_ client: RPCClient) async throws {
            for count in [0, 1, 16_379, 65_535, 1 << 20, 16 << 20] {
                let sent = BytesValue(
                    Data((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 >> 8) }))
                let answer: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/Echo", sent)
                #expect(answer.message == sent, "\(count) bytes")
            }
        }

        private func metadata(_ client: RPCClient) async throws {
            var sent: Metadata = ["x-text": "one", "x-Text": "two"]
            sent.add("x-bytes-bin", binary: [0, 1, 254, 255])
            let answer: RPCResponse<Empty> = try await client.unary(
                "/test.Peer/Meta", Empty(), metadata: sent)
            #expect(answer.headers.all("x-text") == ["one", "two"])
            #expect(answer.headers.firstBinary("x-bytes-bin") == [0, 1, 254, 255])
            #expect(answer.trailers.all("x-text") == ["one", "two"])
            #expect(answer.trailers.firstBinary("x-bytes-bin") == [0, 1, 254, 255])
        }

        private func errors(_ client: RPCClient) async throws {
            for code in 1...16 {
                let error = try await failure {
                    let _: RPCResponse<Empty> = try await client.unary(
                        "/test.Peer/Fail", StringValue("\(code):50% of ä and 😀\n"))
                }
                #expect(error.code.rawValue == code)
                #expect(error.message == "50% of ä and 😀\n")
                #expect(error.headers.first("early") == "yes")
                #expect(error.trailers.first("why") == "because")
                #expect(error.trailers.firstBinary("why-bin") == [0, 255])
            }
            let atOnce = try await failure {
                let _: RPCResponse<Empty> = try await client.unary("/test.Peer/FailAtOnce", Empty())
            }
            #expect(atOnce.code == .notFound && atOnce.message == "nothing here")
            let unknown = try await failure {
                let _: RPCResponse<Empty> = try await client.unary("/test.Peer/Nope", Empty())
            }
            #expect(unknown.code == .unimplemented)
        }

        private func streams(_ client: RPCClient) async throws {
            let stream: RPCResponseStream<Int64Value> = try await client.serverStreaming(
                "/test.Peer/Count", Int64Value(3000))
            #expect(stream.headers.first("early") == "yes")
            var next: Int64 = 0
            for try await number in stream {
                #expect(number.value == next)
                next += 1
            }
            #expect(next == 3000)
            #expect(stream.trailers.first("late") == "yes")

            let failing: RPCResponseStream<Int64Value> = try await client.serverStreaming(
                "/test.Peer/CountThenFail", Int64Value(5))
            var got = 0
            let error = try await failure { for try await _ in failing { got += 1 } }
            #expect(got == 5 && error.code == .aborted && error.message == "enough")
        }

        private func deadlines(_ client: RPCClient) async throws {
            let left: RPCResponse<Google_Protobuf_DoubleValue> = try await client.unary(
                "/test.Peer/TimeLeft", Empty(), timeout: .seconds(30))
            #expect(left.message.value > 28 && left.message.value <= 30)
            let began = ContinuousClock.now
            let error = try await failure {
                let _: RPCResponse<Empty> = try await client.unary(
                    "/test.Peer/Hold", Empty(), timeout: .milliseconds(200))
            }
            #expect(error.code == .deadlineExceeded)
            #expect(ContinuousClock.now - began < .seconds(5))
            #expect(try await eventually { try await cancelledCount(client) == 1 })
        }

        private func cancelledCount(_ client: RPCClient) async throws -> Int64 {
            try await count("Cancelled", client)
        }

        private func count(_ method: String, _ client: RPCClient) async throws -> Int64 {
            let answer: RPCResponse<Int64Value> = try await client.unary(
                "/test.Peer/\(method)", Empty())
            return answer.message.value
        }

        private func cancelling(_ client: RPCClient) async throws {
            let before = try await cancelledCount(client)
            let heldBefore = try await count("Held", client)
            let task = Task {
                let _: RPCResponse<Empty> = try await client.unary("/test.Peer/Hold", Empty())
            }
            // A call that was never sent could not be cancelled at the server.
            #expect(try await eventually { try await count("Held", client) == heldBefore + 1 })
            task.cancel()
            let error = try await failure { try await task.value }
            #expect(error.code == .cancelled)
            #expect(try await eventually { try await cancelledCount(client) == before + 1 })

            // A stream that is dropped after some answers ends at the server.
            var some = 0
            do {
                let stream: RPCResponseStream<BytesValue> = try await client.serverStreaming(
                    "/test.Peer/Endless", Int64Value(10_000))
                for try await _ in stream {
                    some += 1
                    if some == 3 { break }
                }
            }
            #expect(try await eventually { try await cancelledCount(client) == before + 2 })
        }

        private func badAnswers(_ client: RPCClient) async throws {
            let tooLarge = try await failure {
                let _: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/Large", Int64Value(40 << 20))
            }
            #expect(tooLarge.code == .resourceExhausted)
            #expect(tooLarge.message.contains("larger than max"))
            let garbage = try await failure {
                let _: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/Garbage", Empty())
            }
            #expect(garbage.code == .internalError && garbage.message.contains("cannot decode"))
        }

        private func concurrency(_ client: RPCClient) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<800 {  // grpcio begins to turn calls away at 1,000 that wait
                    group.addTask {
                        let answer: RPCResponse<Int64Value> = try await client.unary(
                            "/test.Peer/Echo", Int64Value(Int64(number)))
                        #expect(answer.message.value == Int64(number))
                    }
                }
                try await group.waitForAll()
            }
        }

        @Test("finds its server again after it was killed and restarted")
        func restart() async throws {
            try await withServer { client, peer, port in
                let _: RPCResponse<Empty> = try await client.unary("/test.Peer/Echo", Empty())
                let held = Task {
                    let _: RPCResponse<Empty> = try await client.unary("/test.Peer/Hold", Empty())
                }
                try await Task.sleep(for: .milliseconds(100))
                peer.kill()
                let lost = try await failure { try await held.value }
                #expect(lost.code == .unavailable && lost.message.contains("closed"), "\(lost)")
                let refused = try await failure {
                    let _: RPCResponse<Empty> = try await client.unary("/test.Peer/Echo", Empty())
                }
                #expect(refused.code == .unavailable)
                #expect(
                    refused.message == "cannot connect to 127.0.0.1:\(port): Connection refused")
                let again = try Peer("grpcio_server.py", ["\(port)"])
                defer { again.kill() }
                #expect(await again.line() == "\(port)")
                let served = try await eventually {
                    let answer: RPCResponse<Empty>? = try? await client.unary(
                        "/test.Peer/Echo", Empty())
                    return answer != nil
                }
                #expect(served)
            }
        }
    }
}
