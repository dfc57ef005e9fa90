import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

@testable import RPCTransport

extension NetworkTests {
    @Suite("Connecting to a name (RFC 8305)")
    struct ConnectingTests {
        /// Returns a client of the name `immudb.test`, which has these addresses.
        private func client(
            _ v6: [SocketAddress], _ v4: [SocketAddress],
            _ configure: (inout RPCClient.Configuration) -> Void = { _ in }
        ) -> RPCClient {
            var configuration = RPCClient.Configuration(host: "immudb.test", port: 3322)
            configuration.makeResolver = { FixedResolver(loop: $0, v6: v6, v4: v4) }
            configuration.connectTimeout = .seconds(5)
            configure(&configuration)
            return RPCClient(configuration)
        }

        private func echo(_ client: RPCClient, timeout: Duration? = .seconds(20)) async throws {
            let answer: RPCResponse<BytesValue> = try await client.unary(
                "/test.Peer/Echo", BytesValue(Data([1])), timeout: timeout)
            #expect(answer.message.value == Data([1]))
        }

        private func address(_ host: String, _ port: Int) throws -> SocketAddress {
            try SocketAddress(ipAddress: host, port: port)
        }

        /// Returns an address at which nothing listens.
        private func refusing(_ host: String) async throws -> SocketAddress {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: host, port: 0).get()
            let address = try #require(channel.localAddress)
            try await channel.close().get()
            return address
        }

        @Test("connects to the next address if one refuses", arguments: 0..<20)
        func firstRefuses(_: Int) async throws {
            let server = try await PeerServer.start()
            let client = client(
                [try await refusing("::1")], [try address("127.0.0.1", server.port)])
            try await echo(client)
            await client.shutdown()
            await server.shutdown(deadline: .seconds(1))
        }

        @Test("keeps its connection when the silent address is closed")
        func lateLoser() async throws {
            let server = try await PeerServer.start()
            let hole = try BlackHole()
            let client = client(
                [try address("127.0.0.1", hole.port)],
                [
                    try address("127.0.0.1", server.port)
                ])
            let began = ContinuousClock.now
            try await echo(client)
            #expect(ContinuousClock.now - began < .seconds(2))
            // The silent address is released; the connection stays.
            hole.end()
            try await Task.sleep(for: .milliseconds(300))
            try await echo(client)
            await client.shutdown()
            await server.shutdown(deadline: .seconds(1))
        }

        @Test("uses one connection if two addresses answer")
        func twoServers() async throws {
            let counters = (Counters(), Counters())
            let first = try await PeerServer.start(counters.0) { $0.host = "::1" }
            let second = try await PeerServer.start(counters.1)
            let client = client(
                [try address("::1", first.port)], [try address("127.0.0.1", second.port)])
            for _ in 0..<100 { try await echo(client) }
            #expect(counters.0.connections.load(ordering: .relaxed) == 1)
            #expect(counters.1.connections.load(ordering: .relaxed) == 0)
            await client.shutdown()
            await first.shutdown(deadline: .seconds(1))
            await second.shutdown(deadline: .seconds(1))
        }

        @Test("names each address and its failure if all fail")
        func allFail() async throws {
            let (v6, v4) = (try await refusing("::1"), try await refusing("127.0.0.1"))
            let client = client([v6], [v4])
            let error = try await failure { try await echo(client) }
            #expect(error.code == .unavailable && error.requestFate == .notProcessed)
            #expect(
                error.message
                    == "cannot connect to immudb.test:3322: [::1]:\(v6.port ?? 0): Connection refused; "
                    + "127.0.0.1:\(v4.port ?? 0): Connection refused")
            await client.shutdown()
        }

        @Test("names addresses that do not answer, and how long it waited")
        func noneAnswers() async throws {
            let hole = try BlackHole()
            let refused = try await refusing("::1")
            let client = client([refused], [try address("127.0.0.1", hole.port)]) {
                $0.connectTimeout = .milliseconds(700)
            }
            let began = ContinuousClock.now
            let error = try await failure { try await echo(client) }
            #expect(ContinuousClock.now - began < .seconds(3))
            #expect(
                error.message
                    == "cannot connect to immudb.test:3322: [::1]:\(refused.port ?? 0): Connection "
                    + "refused; 127.0.0.1:\(hole.port): no answer within 700 ms")
            await client.shutdown()
            hole.end()
        }

        @Test("says how long it waited for a server that accepts and sends nothing")
        func silent() async throws {
            let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get()
            let port = try #require(silent.localAddress?.port)
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: port)
            configuration.connectTimeout = .seconds(1)
            let client = RPCClient(configuration)
            let began = ContinuousClock.now
            let error = try await failure { try await echo(client, timeout: nil) }
            #expect(
                error.message == "cannot connect to 127.0.0.1:\(port): no answer within 1 s")
            #expect(ContinuousClock.now - began < .seconds(3))
            await client.shutdown()
            try await silent.close().get()
        }

        @Test("reports an unknown name in the system's words")
        func unknownName() async throws {
            let client = RPCClient(.init(host: "no-such-host.invalid", port: 3322))
            let error = try await failure { try await echo(client) }
            #expect(
                error.message.hasPrefix(
                    "cannot connect to no-such-host.invalid:3322: unknown host "
                        + "no-such-host.invalid: "), "\(error)")
            #expect(!error.message.contains("NIO"), "\(error)")
            await client.shutdown()
        }

        @Test("says that a name has no address")
        func noAddress() async throws {
            let client = client([], [])
            let error = try await failure { try await echo(client) }
            #expect(
                error.message == "cannot connect to immudb.test:3322: the name has no address")
            await client.shutdown()
        }

        @Test("says that a server does not speak HTTP/2")
        func otherProtocol() async throws {
            let web = try await HostileServer.start { connection, event in
                if case .opened = event {
                    connection.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
                }
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: web.port))
            let error = try await failure { try await echo(client) }
            #expect(
                error.message
                    == "cannot connect to 127.0.0.1:\(web.port): the server does not speak HTTP/2"
            )
            await client.shutdown()
            await web.stop()
        }

        @Test("shuts down at once while it connects", arguments: [true, false])
        func shutdownMeanwhile(isSilent: Bool) async throws {
            let hole = try BlackHole()
            let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get()
            let port = isSilent ? try #require(silent.localAddress?.port) : hole.port
            let client = client([], [try address("127.0.0.1", port)])
            let waiting = Task { try await echo(client, timeout: nil) }
            try await Task.sleep(for: .milliseconds(200))
            let began = ContinuousClock.now
            await client.shutdown()
            #expect(ContinuousClock.now - began < .seconds(2))
            let error = try await failure { try await waiting.value }
            #expect(error.code == .unavailable && error.requestFate == .notProcessed)
            try await silent.close().get()
            hole.end()
        }

        @Test("finds a listener on ::1 by its address")
        func loopback() async throws {
            let server = try await PeerServer.start { $0.host = "::1" }
            let client = RPCClient(.init(host: "::1", port: server.port))
            try await echo(client)
            await client.shutdown()
            await server.shutdown(deadline: .seconds(1))
        }
    }
}

/// A resolver that knows only given addresses.
private final class FixedResolver: Resolver, Sendable {
    private let loop: any EventLoop
    private let v6: [SocketAddress]
    private let v4: [SocketAddress]

    init(loop: any EventLoop, v6: [SocketAddress], v4: [SocketAddress]) {
        self.loop = loop
        self.v6 = v6
        self.v4 = v4
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture(v4)
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture(v6)
    }

    func cancelQueries() {}
}

/// An address of the loopback that does not answer, like one behind a firewall: its queue of
/// connections is full.
private final class BlackHole {
    let port: Int
    private var sockets: [Int32] = []

    init() throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        let listener = Self.socket()
        sockets = [listener]
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = bind(listener, generic, length)
                _ = listen(listener, 0)
                _ = getsockname(listener, generic, &length)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        try #require(port > 0)
        for _ in 0..<8 {
            let filler = Self.socket()
            sockets.append(filler)
            _ = fcntl(filler, F_SETFL, O_NONBLOCK)
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    _ = connect(filler, generic, length)
                }
            }
        }
    }

    func end() {
        for socket in sockets { close(socket) }
        sockets = []
    }

    deinit { end() }

    private static func socket() -> Int32 {
        #if canImport(Darwin)
            Foundation.socket(AF_INET, SOCK_STREAM, 0)
        #else
            Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
    }
}
