import Foundation
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import Logging
import RPCTransport
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

/// An application that embeds the server and passes a `Logger` of its own.
@Suite("The log of an application")
struct EmbeddedLogTests {
    @Test("gets the server's messages with metadata about their subject")
    func messages() async throws {
        let events = Events(.debug)
        try await Self.run(events) { server in
            try await server.set("the key", "the value")
            let set = try #require(events.all.first { "\($0.message)".hasPrefix("set ") })
            #expect(set.level == .debug)
            #expect(set.message == "set the key 9 bytes")
            #expect(set.metadata?["rpc"] == "Set")
            let client = try #require(set.metadata?["client"]).description
            #expect(client.hasPrefix("127.0.0.1:"))
            #expect(set.metadata?["component"] == "calls")
            _ = try await server.firstLogin()
            let made = try #require(events.all.first { "\($0.message)".contains("was made") })
            #expect(made.level == .info)
            #expect(made.metadata?["component"] == "users")
            #expect(made.metadata?["rpc"] == "Login")
        }
        let texts = events.all.map { "\($0.message)" }
        #expect(texts.contains { $0.hasPrefix("Ready: immudb ") })
        #expect(texts.last == "shutdown completed")
        for event in events.all { #expect(event.metadata?["component"] != nil, "\(event.message)") }
        let opened = events.all.filter { "\($0.message)".hasPrefix("Store opened") }
        #expect(opened.map { $0.metadata?["component"] } == ["users", "store"])
    }

    @Test("has no key, value, password or token at the level info, whatever is called")
    func secrets() async throws {
        let events = Events(.info)
        let secret = "s3cret-Passw0rd"
        var tokens: [String] = []
        try await Self.run(events, isAuthenticating: true) { server in
            let administrator = try await server.administrator()
            try await server.createUser("joe", secret, by: administrator)
            let user = try await server.header("joe", secret)
            tokens = [administrator, user].compactMap { $0.first("authorization") }
            // All text fields that a request of any method may have: the key, the value, the
            // prefix.
            let fields = (1...6).flatMap { number in
                [UInt8(number << 3 | 2), UInt8(secret.utf8.count)] + Array(secret.utf8)
            }
            // The methods about users are called below: their log messages have user names.
            for method in ImmuService.methods where method.permission != .administration {
                for metadata in [[:], user, administrator, ["authorization": "Bearer \(secret)"]] {
                    for bytes in [fields, Array(fields.prefix(secret.utf8.count + 2)), []] {
                        var request = Google_Protobuf_Empty()
                        try request.merge(serializedBytes: bytes)
                        if method.streamsAnswers {
                            let stream: RPCResponseStream<Google_Protobuf_Empty> =
                                try await server.client.serverStreaming(
                                    method.path, request, metadata: metadata)
                            do { for try await _ in stream {} } catch is RPCError {}
                        } else {
                            let _: RPCResponse<Google_Protobuf_Empty>? =
                                try? await server.client.unary(
                                    method.path, request, metadata: metadata)
                        }
                    }
                }
            }
            _ = try await server.refusal(
                ImmuService.changePassword, changePasswordRequest("joe", secret, "short"),
                metadata: administrator)
        }
        #expect(tokens.count == 2)
        let text = events.all.map { "\($0.message) \($0.metadata ?? [:])" }.joined(separator: "\n")
        #expect(text.contains("create user joe: done by immu"))
        #expect(!text.contains(secret))
        for token in tokens { #expect(!text.contains(token.suffix(40))) }
    }

    /// Runs a server with `log`.
    private static func run(
        _ events: Events, isAuthenticating: Bool = false, _ test: (TestServer) async throws -> Void
    ) async throws {
        try await TestServer.run(
            isAuthenticating: isAuthenticating,
            log: Logger(label: "application", factory: { _ in Recorder(events) }), test)
    }

    private final class Events: Sendable {
        let level: Logger.Level
        private let events = Mutex<[LogEvent]>([])
        var all: [LogEvent] { events.withLock { $0 } }
        init(_ level: Logger.Level) { self.level = level }
        func add(_ event: LogEvent) { events.withLock { $0.append(event) } }
    }

    /// A log handler as an application may have it.
    private struct Recorder: LogHandler {
        let events: Events
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level

        init(_ events: Events) {
            self.events = events
            logLevel = events.level
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var event = event
            event.metadata = metadata.merging(event.metadata ?? [:]) { $1 }
            events.add(event)
        }
    }
}
