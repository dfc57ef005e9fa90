import Foundation
import NIOCore
import NIOSSL
import RPCTransport
import TestCertificates
import Testing

extension NetworkTests {
    @Suite("Hostile clients of a server with TLS")
    struct TLSAbuseTests {
        private func rawTLS(_ server: TLSServer) throws -> NIOSSLContext {
            let files = try server.certificates.issue("raw", .client)
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.applicationProtocols = ["h2"]
            configuration.trustRoots = .file(server.certificates.authorities)
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(files.certificate)
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try NIOSSLPrivateKey(file: files.key, format: .pem))
            return try NIOSSLContext(configuration: configuration)
        }

        @Test("hold bounded memory if they do not read under TLS, and are cut in time")
        func slowReader() async throws {
            let server = try await TLSServer.start {
                $0.stalledWriteTimeout = .milliseconds(500)
                $0.keepaliveInterval = .seconds(60)
            }
            let honest = try server.client()
            try await echo(honest)
            let context = try rawTLS(server)
            try await growing(byLessThan: 64 << 20) {
                let peer = try await RawPeer.connect(
                    server.port, window: 1 << 30, socketByteCount: 16 << 10, tls: context)
                peer.open(0, 1 << 29)
                peer.call("Large", 1 << 10)
                #expect(try await eventually { peer.now.dataByteCount > 1 << 10 })
                try await peer.stopReading()
                peer.call("Large", 1 << 20, times: 200)
                #expect(try await eventually { server.server.heldAnswerByteCount > 1 << 20 })
                #expect(server.server.heldAnswerByteCount < 16 << 20)
                try await echo(honest)
                #expect(
                    try await eventually(within: .seconds(10)) {
                        server.server.connectionCount == 1
                    })
                #expect(server.server.heldAnswerByteCount == 0)
                await peer.close()
            }
            await honest.shutdown()
            await server.stop()
        }

        @Test("get every answer to a flood of requests under TLS, in reads of many parts")
        func manyRequests() async throws {
            let server = try await TLSServer.start()
            let peer = try await RawPeer.connect(
                server.port, window: 1 << 20, tls: rawTLS(server))
            peer.open(0, 1 << 29)
            for _ in 0..<20 {
                peer.call("Large", 10, times: 50, padding: 1_000)
            }
            #expect(try await eventually(within: .seconds(20)) { peer.now.ended == 1_000 })
            #expect(peer.now.goAway == nil)
            await peer.close()
            await server.stop()
        }

        @Test("cannot use memory or stop the server by broken handshakes, which end in time")
        func rawSockets() async throws {
            let server = try await TLSServer.start {
                $0.handshakeTimeout = .milliseconds(700)
                $0.maxConnections = 300
            }
            let files = try server.certificates.issue("client", .client)
            let strange = try server.certificates.issue("strange", .client, by: .stranger)
            let old = try server.certificates.issue("old", .client, startingIn: -6)
            let results = CheckResults(
                try await Peer(
                    "tls_client.py",
                    [
                        "\(server.port)", server.certificates.authorities,
                        server.certificates.strangers, files.certificate, files.key,
                        strange.certificate, strange.key, old.certificate, old.key,
                    ]
                ).lines())
            results.expectAll([
                "grpcio is let in with its certificate, and gets large messages back",
                "grpcio without a certificate is refused",
                "grpcio with the certificate of a stranger is refused",
                "grpcio with a certificate that has expired is refused",
                "grpcio that trusts a stranger does not connect",
                "grpcio that expects another name does not connect",
                "TLS 1.1 is refused by an alert, 1.2 and 1.3 are not",
                "a client that offers no protocol, or HTTP/1.1 only, is sent away",
                "a plain HTTP/2 client is told that the port wants TLS",
                "half of a ClientHello, and nothing at all, are cut in time",
                "garbage, huge records and endless bytes end the connection",
                "a handshake byte by byte ends in time",
                "140 handshakes that are never finished do not keep others out",
                "requests inside of TLS that are no HTTP/2 end the connection",
            ])
            #expect(
                try await eventually { server.server.connectionCount == 0 },
                "\(server.server.connectionCount)")
            let client = try server.client()
            try await echo(client)
            await client.shutdown()
            await server.stop()
            let reasons = Set(server.failures.map(\.reason))
            #expect(reasons.contains("the client has no certificate"), "\(reasons)")
        }
    }
}
