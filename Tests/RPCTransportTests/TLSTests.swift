import Foundation
import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization
import TestCertificates
import Testing

extension NetworkTests {
    @Suite("TLS and mutual TLS")
    struct TLSTests {
        @Test("passes calls, each of which knows the certificate of its client")
        func mutual() async throws {
            let server = try await TLSServer.start()
            let client = try server.client()
            try await echo(client)
            let first = try #require(server.peers.first)
            let peer = try #require(first)
            #expect(peer.commonName == "alice")
            let file = server.certificates.path + "/client.cert.pem"
            let hash = await onThread { try? fingerprint(file) }
            #expect(peer.fingerprintHex == hash)
            await client.shutdown()
            await server.stop()
        }

        @Test("needs no client certificate without client authorities, and has none then")
        func serverOnly() async throws {
            let server = try await TLSServer.start(isMutual: false)
            let client = try server.client(certificate: nil)
            try await echo(client)
            #expect(server.peers == [nil])
            await client.shutdown()
            await server.stop()
        }

        @Test("passes messages of all sizes, streams and many calls at once unchanged")
        func traffic() async throws {
            let server = try await TLSServer.start()
            let client = try server.client()
            for count in [0, 1, 16_383, 16_384, 16_385, 100_000, 1 << 20, 20 << 20] {
                try await echo(client, count)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2_000 {
                    group.addTask { try await echo(client, number * 37 % 40_000) }
                }
                try await group.waitForAll()
            }
            let stream: RPCResponseStream<Int64Value> = try await client.serverStreaming(
                "/test.Peer/Count", Int64Value(10_000))
            var next: Int64 = 0
            for try await number in stream {
                #expect(number.value == next)
                next += 1
            }
            #expect(next == 10_000)
            await client.shutdown()
            await server.stop()
            #expect(server.failures.isEmpty)
        }

        @Test("ends a call at its deadline, on both sides")
        func deadline() async throws {
            let counters = Counters()
            let server = try await TLSServer.start(counters: counters)
            let client = try server.client()
            try await echo(client)
            let error = try await failure {
                let _: RPCResponse<Empty> = try await client.unary(
                    "/test.Peer/Hold", Empty(), timeout: .milliseconds(100))
            }
            #expect(error.code == .deadlineExceeded)
            #expect(try await eventually { counters.cancelled.load(ordering: .relaxed) == 1 })
            await client.shutdown()
            await server.stop()
        }

        @Test("reads certificates again for new connections, while old ones continue")
        func reload() async throws {
            let server = try await TLSServer.start()
            let old = try server.client()
            try await echo(old)
            // A certificate of another authority, which a client of the first one must refuse.
            _ = try server.certificates.issue("server", .server, by: .stranger)
            try server.tls.reload()
            try await echo(old)
            let client = try server.certificates.issue("client", .client)
            let distrusting = try server.client(certificate: client)
            let error = try await failure { try await echo(distrusting) }
            #expect(error.message.contains("is of an authority that"), "\(error)")
            let new = try server.client(
                certificate: client, authorities: server.certificates.strangers)
            try await echo(new)

            _ = try server.certificates.write("server.key.pem", "nothing")
            #expect(throws: TLSFileError.self) { try server.tls.reload() }
            let after = try server.client(
                certificate: client, authorities: server.certificates.strangers)
            try await echo(after)
            try await echo(old)
            for client in [old, distrusting, new, after] { await client.shutdown() }
            await server.stop()
        }

        @Test("gets the new certificate of a client that reads its files again")
        func clientReload() async throws {
            let server = try await TLSServer.start()
            let files = try server.certificates.issue("client", .client, for: "alice")
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
            let tls = try ClientTLS(
                authorities: server.certificates.authorities,
                certificate: (files.certificate, files.key), serverName: "localhost")
            configuration.tls = tls
            let old = RPCClient(configuration)
            try await echo(old)

            let key = try String(contentsOfFile: files.key, encoding: .utf8)
            try "nothing".write(toFile: files.key, atomically: true, encoding: .utf8)
            #expect(throws: TLSFileError.self) { try tls.reload() }
            try key.write(toFile: files.key, atomically: true, encoding: .utf8)
            // Of an authority that the server does not have.
            _ = try server.certificates.issue("client", .client, by: .stranger)
            try tls.reload()
            try await echo(old)
            let new = RPCClient(configuration)
            await #expect(throws: RPCError.self) { try await echo(new) }
            for client in [old, new] { await client.shutdown() }
            await server.stop()
        }

        @Test("does not let clients delay the server's shutdown, not even in handshakes")
        func shutdown() async throws {
            let server = try await TLSServer.start()
            let client = try server.client()
            try await echo(client)
            let silent = try await RawPeer.connect(server.port)
            let began = ContinuousClock.now
            await server.server.shutdown(deadline: .milliseconds(300))
            #expect(ContinuousClock.now - began < .seconds(3))
            #expect(server.server.connectionCount == 0)
            await silent.close()
            await client.shutdown()
        }
    }
}

/// Returns the fingerprint from a program that shares no code with the code under test.
private func fingerprint(_ file: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl", "x509", "-in", file, "-noout", "-fingerprint", "-sha256"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let words = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    // sha256 Fingerprint=0A:1B…
    let text = String(decoding: words, as: UTF8.self)
    return text.split(separator: "=").last?.filter(\.isHexDigit).lowercased() ?? text
}
