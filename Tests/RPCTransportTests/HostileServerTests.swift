import Foundation
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    /// Each call ends in time with an error, the client's memory does not grow, and it can be shut
    /// down.
    @Suite("A hostile server")
    struct HostileServerTests {
        private static let timeout = Duration.milliseconds(700)

        /// Makes a call, and returns the error that must end it.
        @discardableResult
        private func attack(
            _ behave: @escaping @Sendable (HostileConnection, HostileServer.Event) -> Void
        ) async throws -> RPCError {
            try await growing(byLessThan: 48 << 20) { try await attackOnce(behave) }
        }

        private func attackOnce(
            _ behave: @escaping @Sendable (HostileConnection, HostileServer.Event) -> Void
        ) async throws -> RPCError {
            let server = try await HostileServer.start { connection, event in
                if case .opened = event { connection.send(RawFrame.settings) }
                behave(connection, event)
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let began = ContinuousClock.now
            let error = try await failure {
                let _: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/Echo", BytesValue(Data([1])), timeout: Self.timeout)
            }
            #expect(ContinuousClock.now - began < .seconds(4), "\(error)")
            let ended = ContinuousClock.now
            await client.shutdown()
            #expect(ContinuousClock.now - ended < .seconds(4), "\(error)")
            await server.stop()
            return error
        }

        @Test("sends endless interim headers")
        func interimHeaders() async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                let block =
                    RawFrame.field(":status", "103")
                    + RawFrame.field("x", String(repeating: "x", count: 4000))
                connection.repeatForever(RawFrame.frame(1, flags: 4, stream: stream, block))
            }
            #expect(error.code == .deadlineExceeded)
        }

        @Test(
            "sends endless PING, SETTINGS, or WINDOW_UPDATE", arguments: [6, 4, 8] as [UInt8])
        func controlFrames(type: UInt8) async throws {
            let payload: [UInt8] =
                switch type {
                case 6: [1, 2, 3, 4, 5, 6, 7, 8]
                case 4: [0, 4, 0, 0, 255, 255]
                default: [0, 0, 0, 1]
                }
            try await attack { connection, event in
                guard case .request = event else { return }
                connection.repeatForever(RawFrame.frame(type, payload))
            }
        }

        @Test("sends endless empty DATA frames")
        func emptyData() async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                connection.send(RawFrame.headers(stream))
                connection.repeatForever(RawFrame.data(stream, []))
            }
            #expect(error.code == .deadlineExceeded)
        }

        @Test("sends trailers that do not end")
        func endlessTrailers() async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                connection.send(RawFrame.headers(stream))
                connection.send(RawFrame.frame(1, flags: 1, stream: stream))
                let field = RawFrame.field("x", String(repeating: "x", count: 8000))
                connection.repeatForever(RawFrame.frame(9, stream: stream, field))
            }
            #expect(error.code == .unavailable, "\(error)")
        }

        @Test("sends trailers that are small on the wire and large when they are decoded")
        func headerBomb() async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                let large = RawFrame.field(
                    "x-bin", String(repeating: ",", count: 3000), isIndexed: true)
                // Refers to the first entry of HPACK's dynamic table 12,000 times.
                let block = large + [UInt8](repeating: 0x80 | 62, count: 12_000)
                connection.send(RawFrame.headers(stream))
                connection.send(RawFrame.trailers(stream, block))
            }
            #expect(error.code == .resourceExhausted, "\(error)")
        }

        @Test("announces an answer of 1 GiB")
        func largeMessage() async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                connection.send(RawFrame.headers(stream))
                connection.send(RawFrame.data(stream, [0, 0x40, 0, 0, 0]))
            }
            #expect(error.code == .resourceExhausted)
            #expect(error.message.contains("(1073741824 vs. 33554432)"))
        }

        @Test("announces the largest answer, and does not send it")
        func promisedMessage() async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                connection.send(RawFrame.headers(stream))
                connection.send(RawFrame.data(stream, [0, 2, 0, 0, 0, 1]))
            }
            #expect(error.code == .deadlineExceeded)
        }

        @Test("sends several answers to a call that takes one")
        func manyAnswers() async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                connection.send(RawFrame.headers(stream))
                connection.repeatForever(RawFrame.data(stream, RawFrame.message([])))
            }
            #expect(error.message.contains("two answers"))
        }

        @Test("ends an answer without a status before it has the request, whose stream is reset")
        func answerWithoutTrailers() async throws {
            let server = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(RawFrame.settings)
                case .request(let stream):
                    connection.send(
                        RawFrame.headers(stream)
                            + RawFrame.frame(0, flags: 1, stream: stream, RawFrame.message([])))
                }
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            // More than the window, so that the stream stays open for the rest.
            let request = BytesValue(Data(count: 200_000))
            let error = try await failure {
                let _: RPCResponse<Empty> = try await client.unary(
                    "/test.Peer/Echo", request, timeout: .seconds(20))
            }
            #expect(error.code == .internalError && error.requestFate == .mayHaveBeenProcessed)
            #expect(error.message == "the server ended the call without a status")
            #expect(try await eventually { server.seen.resets == [1] })
            await client.shutdown()
            await server.stop()
        }

        @Test("sends endless GOAWAYs", arguments: [0, Int32.max])
        func goAway(last: Int32) async throws {
            try await attack { connection, event in
                guard case .request = event else { return }
                connection.repeatForever(RawFrame.goAway(last: last))
            }
        }

        @Test("resets every call", arguments: [0, 1, 2, 5, 7, 8, 11, 99] as [UInt32])
        func resets(code: UInt32) async throws {
            let error = try await attack { connection, event in
                guard case .request(let stream) = event else { return }
                connection.send(RawFrame.reset(stream, code))
            }
            #expect(error.code != .deadlineExceeded, "\(error)")
            #expect(code == 7 ? error.requestFate == .notProcessed : true)
        }

        @Test("closes each connection after GOAWAY, or without one", arguments: [true, false])
        func closing(saysGoAway: Bool) async throws {
            let connections = Mutex(0)
            let error = try await attack { connection, event in
                guard case .request = event else { return }
                connections.withLock { $0 += 1 }
                if saysGoAway { connection.send(RawFrame.goAway(last: 0)) }
                connection.close()
            }
            #expect(error.code == .unavailable)
            #expect(connections.withLock { $0 } <= 3)
        }

        @Test("violates HTTP/2 by pushes, an answer without headers, unknown settings and garbage")
        func protocolErrors() async throws {
            let broken: [@Sendable (Int32) -> [UInt8]] = [
                { RawFrame.frame(5, flags: 4, stream: $0, [0, 0, 0, 2]) },
                { RawFrame.data($0, RawFrame.message([])) },
                { _ in RawFrame.frame(4, [0, 5, 0, 0, 0, 0]) },
                { _ in [UInt8](repeating: 0xff, count: 100) },
                { RawFrame.frame(1, flags: 4, stream: $0, [0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]) },
                { RawFrame.frame(8, stream: $0, RawFrame.number(0x7fff_ffff)) },
                { RawFrame.headers($0) + RawFrame.headers($0) },
                { RawFrame.trailers($0 + 2) },
            ]
            for (number, frames) in broken.enumerated() {
                let error = try await attack { connection, event in
                    guard case .request(let stream) = event else { return }
                    connection.send(frames(stream))
                }
                #expect(error.code != .ok, "case \(number)")
            }
        }

        @Test("allows no calls, or no bytes of them", arguments: [3, 4] as [UInt8])
        func noRoom(setting: UInt8) async throws {
            let error = try await attack { connection, event in
                guard case .opened = event else { return }
                connection.send(RawFrame.frame(4, [0, setting, 0, 0, 0, 0]))
            }
            #expect(error.code == .deadlineExceeded)
        }

        /// Streams as many messages as the credit allows to a client that reads none of them.
        /// Returns the number of their bytes that the client holds.
        private func unread(
            message: [UInt8], window: Int = 1 << 20
        ) async throws -> Int {
            let server = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(RawFrame.settings)
                case .request(let stream):
                    connection.send(RawFrame.settingsAcknowledged + RawFrame.headers(stream))
                    // Each frame has whole messages, as many as the window allows.
                    let frame = RawFrame.data(
                        stream,
                        (0..<max(1, 16_000 / (message.count + 5))).flatMap { _ in
                            RawFrame.message(message)
                        })
                    let times = window / (frame.count - 9)
                    connection.send((0..<times).flatMap { _ in frame })
                }
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let stream: RPCResponseStream<BytesValue> = try await client.serverStreaming(
                "/test.Peer/Endless", Int64Value(1))
            var held = -1
            _ = try await eventually {
                defer { held = stream.handle.receiver.byteCount }
                try await Task.sleep(for: .milliseconds(200))
                return held == stream.handle.receiver.byteCount
            }
            await client.shutdown()
            await server.stop()
            return held
        }

        @Test("streams messages that are not read", arguments: [0, 1, 100, 15_000])
        func unreadStream(size: Int) async throws {
            let message = [UInt8](repeating: 0, count: size)
            let held = try await growing(byLessThan: 48 << 20) {
                try await unread(message: message)
            }
            #expect(held > 900_000 && held <= 1 << 20, "\(held)")
        }

        @Test("streams beyond its credit")
        func overrun() async throws {
            try await growing(byLessThan: 48 << 20) { try await overrunOnce() }
        }

        private func overrunOnce() async throws {
            let server = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(RawFrame.settings)
                case .request(let stream):
                    connection.send(RawFrame.headers(stream))
                    let content = [UInt8](repeating: 0, count: 16_000)
                    connection.repeatForever(RawFrame.data(stream, RawFrame.message(content)))
                }
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let stream: RPCResponseStream<BytesValue> = try await client.serverStreaming(
                "/test.Peer/Endless", Int64Value(1))
            try await Task.sleep(for: .milliseconds(500))
            let error = try await failure { for try await _ in stream {} }
            #expect(error.code != .ok)
            await client.shutdown()
            await server.stop()
        }

        @Test("floods its connection, but does not stop calls on another one")
        func neighbour() async throws {
            let hostile = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(RawFrame.settings)
                case .request(let stream):
                    connection.send(RawFrame.headers(stream))
                    connection.repeatForever(RawFrame.data(stream, []))
                }
            }
            let server = try await PeerServer.start()
            let attacked = RPCClient(.init(host: "127.0.0.1", port: hostile.port))
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let held = Task {
                let _: RPCResponse<Empty> = try await attacked.unary(
                    "/test.Peer/Hold", Empty(), timeout: .seconds(2))
            }
            for _ in 0..<50 {
                let _: RPCResponse<Empty> = try await client.unary(
                    "/test.Peer/Echo", Empty(), timeout: .seconds(2))
            }
            #expect(try await failure { try await held.value }.code == .deadlineExceeded)
            await attacked.shutdown()
            await client.shutdown()
            await hostile.stop()
            await server.shutdown(deadline: .seconds(1))
        }

        @Test("puts blanks around a field's value, which are removed")
        func blanks() async throws {
            let server = try await HostileServer.start { connection, event in
                switch event {
                case .opened: connection.send(RawFrame.settings)
                case .request(let stream):
                    connection.send(
                        RawFrame.headers(stream, RawFrame.field("x-text", " \t some text \t ")))
                    connection.send(RawFrame.data(stream, RawFrame.message([])))
                    connection.send(
                        RawFrame.trailers(
                            stream,
                            RawFrame.field("x-blank", "  ") + RawFrame.field("x-bin", " AQI ")))
                }
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let answer: RPCResponse<Empty> = try await client.unary(
                "/test.Peer/Echo", Empty(), timeout: .seconds(5))
            #expect(answer.headers.all("x-text") == ["some text"])
            #expect(answer.trailers.all("x-blank") == [""])
            #expect(answer.trailers.allBinary("x-bin") == [[1, 2]])
            await client.shutdown()
            await server.stop()
        }

        @Test("sends an answer that its check refuses, and that is not decoded")
        func refusedAnswer() async throws {
            let server = try await PeerServer.start()
            let client = RPCClient(.init(host: "127.0.0.1", port: server.port))
            let check: AnswerCheck = { bytes in
                if !bytes.isEmpty { throw RPCError(.dataLoss, "not empty") }
            }
            let error = try await failure {
                let _: RPCResponse<BytesValue> = try await client.unary(
                    "/test.Peer/Echo", BytesValue(Data([1])), check: check)
            }
            #expect(error.code == .internalError && error.requestFate == .mayHaveBeenProcessed)
            #expect(error.message.contains("not empty"), "\(error)")
            let streamed: RPCResponseStream<Int64Value> = try await client.serverStreaming(
                "/test.Peer/Count", Int64Value(3), check: check)
            var count = 0
            let late = try await failure { for try await _ in streamed { count += 1 } }
            // The first number is 0, which is an empty message.
            #expect(count == 1 && late.message.contains("not empty"), "\(late)")
            await client.shutdown()
            await server.shutdown(deadline: .seconds(1))
        }
    }
}
