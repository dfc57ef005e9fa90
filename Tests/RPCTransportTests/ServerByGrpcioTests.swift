import Foundation
import RPCTransport
import TestCertificates
import Testing

extension NetworkTests {
    @Suite("RPCServer with clients of grpcio")
    struct ServerByGrpcioTests {
        @Test("does what gRPC promises")
        func grpcioClient() async throws {
            let server = try await PeerServer.start()
            let lines = try await Peer("grpcio_client.py", ["\(server.port)"]).lines()
            await server.shutdown(deadline: .seconds(5))
            expectAll(lines)
        }

        @Test("does the same with mutual TLS")
        func grpcioClientByTLS() async throws {
            let server = try await TLSServer.start(certificate: {
                try $0.issue("server", .server, for: "127.0.0.1")
            })
            let files = try server.certificates.issue("client", .client)
            let lines = try await Peer(
                "grpcio_client.py",
                [
                    "\(server.port)", server.certificates.authorities, files.certificate,
                    files.key,
                ]
            ).lines()
            await server.stop()
            expectAll(lines)
        }

        private func expectAll(_ lines: [String]) {
            CheckResults(lines).expectAll([
                "messages of 0 bytes to 16 MiB come back unchanged",
                "methods on the event loop, on workers and on blocking threads answer alike",
                "metadata goes both ways, binary too",
                "the configured headers come first with every answer, error and unknown method",
                "every status code and its message arrive, with any text",
                "unknown methods and services are UNIMPLEMENTED by name",
                "bytes that are no message are INTERNAL",
                "a message over the limit is RESOURCE_EXHAUSTED with both sizes",
                "compressed requests are UNIMPLEMENTED",
                "headers over the limit are RESOURCE_EXHAUSTED",
                "a deadline passes in time, at the server too",
                "cancelling tells the handler",
                "streams bring every message in order",
                "a stream ends with the error that its handler throws",
                "a stream that is not read holds its handler back, and ends when it is cancelled",
                "a stream's deadline ends it",
                "a conversation has an answer for each question, in order",
                "a conversation ends with the error of an answer, at its deadline, and when it is cancelled",
                "a call that is answered twice gets the first answer",
                "64 connections at once",
                "10,000 concurrent calls",
                "200 concurrent answers of 1 MiB",
                "20 concurrent requests of 4 MiB",
                "an honest client that cancels much is not turned away",
                "at the end no call is left",
            ])
        }
    }
}

extension NetworkTests {
    @Suite("RPCServer with broken and hostile clients")
    struct ServerAbuseTests {
        @Test(
            "survives any bytes on a raw socket, without full memory or a held connection"
        )
        func rawSockets() async throws {
            // Few enough that a server slowed down by a sanitizer also sees more of them in a
            // second.
            let server = try await PeerServer.start {
                $0.resetBurst = 1_000
                $0.resetsPerSecond = 100
            }
            let fast = try await PeerServer.start {
                $0.handshakeTimeout = .milliseconds(500)
                $0.keepaliveInterval = .milliseconds(300)
                $0.keepaliveTimeout = .milliseconds(500)
                $0.maxConnections = 8
                $0.maxConnectionsPerAddress = 8
            }
            let peer = try Peer(
                "raw_sockets.py",
                ["\(server.port)", "\(fast.port)", "\(ProcessInfo.processInfo.processIdentifier)"])
            let results = CheckResults(await peer.lines())
            await server.shutdown(deadline: .seconds(5))
            await fast.shutdown(deadline: .seconds(5))
            results.expectAll([
                "what is not HTTP/2 is turned away",
                "garbage of any kind does no harm",
                "clients that vanish in any state do no harm",
                "floods of resets, PINGs, SETTINGS, headers or empty DATA end their connection",
                "broken framing ends the connection",
                "a header block that unpacks to 48 MB is refused and not kept",
                "what is no gRPC request gets HTTP 405 and 415",
                "requests of no, two, half or compressed messages are INTERNAL",
                "a message that is too long is refused by its prefix, before it comes",
                "a slow sender is served",
                "more streams than allowed are refused, the others live",
                "a client that does not read costs a bounded amount of memory",
                "a stream that is not read is held back at the window",
                "a connection that never says hello is closed",
                "an idle connection is asked for a sign of life, and closed without one",
                "connections over the limit are closed, and served again when there is room",
            ])
        }
    }
}
