import Foundation
import NIOCore
import RPCTransport
import TestCertificates
import Testing

extension NetworkTests {
    @Suite("Failures of TLS")
    struct TLSFailureTests {
        /// Returns the error of the client's call.
        private func refusal(_ client: RPCClient) async throws -> String {
            let error = try await failure { try await echo(client) }
            #expect(error.code == .unavailable)
            #expect(error.requestFate == .notProcessed)
            await client.shutdown()
            return error.message
        }

        @Test("name the names of a server's certificate that is for others")
        func wrongName() async throws {
            let server = try await TLSServer.start()
            let files = try server.certificates.issue("client", .client)
            let said = try await refusal(
                server.client(certificate: files, name: "db.example.com"))
            #expect(
                said
                    == "cannot connect to 127.0.0.1:\(server.port): the server's certificate is for "
                    + "localhost, 127.0.0.1, ::1, not for db.example.com")
            await server.stop()
        }

        @Test("include a certificate that is not for the connected host, if no name is given")
        func address() async throws {
            let server = try await TLSServer.start(certificate: {
                try $0.issue("server", .server, for: "127.0.0.1")
            })
            let files = try server.certificates.issue("client", .client)
            let right = try server.client(certificate: files, name: nil)
            try await echo(right)
            await right.shutdown()
            let wrong = try await refusal(
                server.client(certificate: files, name: nil, host: "localhost"))
            #expect(wrong.contains("is for 127.0.0.1, not for localhost"), "\(wrong)")
            let other = try await refusal(server.client(certificate: files, name: "10.0.0.1"))
            #expect(
                other.contains(
                    "the server's name is given as the address 10.0.0.1, but the connection leads "
                        + "to 127.0.0.1"), "\(other)")
            await server.stop()
        }

        @Test("name the authority of a server's certificate that the client's file lacks")
        func strangeServer() async throws {
            let server = try await TLSServer.start()
            let files = try server.certificates.issue("client", .client)
            let said = try await refusal(
                server.client(certificate: files, authorities: server.certificates.strangers))
            #expect(
                said.hasSuffix(
                    "the server's certificate, localhost, is of an authority that "
                        + "\(server.certificates.strangers) does not have (test CA), or that is not "
                        + "valid"), "\(said)")
            #expect(
                try await server.failure()
                    == "the client does not have the authority of the server's certificate")
            await server.stop()
        }

        @Test(
            "explain a client without a certificate, with a stranger's, and with one for servers",
            arguments: ["none", "strange"])
        func strangeClient(kind: String) async throws {
            let server = try await TLSServer.start()
            let files: TestCertificates.Files? =
                switch kind {
                case "strange":
                    try server.certificates.issue("mallory", .client, for: "mallory", by: .stranger)
                default: nil
                }
            let said = try await refusal(server.client(certificate: files))
            let heard = try await server.failure()
            if kind == "none" {
                #expect(
                    said.hasSuffix(
                        "the server wants a client certificate, and this client has none"))
                #expect(heard == "the client has no certificate")
            } else {
                #expect(
                    said.hasSuffix(
                        "the server refuses the client's certificate in "
                            + "\(files?.certificate ?? ""): it is of an authority that the server "
                            + "does not have"), "\(said)")
                #expect(
                    heard == "the client's certificate, mallory, is of an authority that "
                        + "\(server.certificates.authorities) does not have (strange CA), or that "
                        + "is not valid")
            }
            #expect(server.peers.isEmpty)
            await server.stop()
        }

        @Test("never lose the message of a refused client certificate")
        func farewell() async throws {
            let server = try await TLSServer.start()
            for _ in 0..<100 {
                let said = try await refusal(server.client(certificate: nil))
                #expect(said.contains("wants a client certificate"), "\(said)")
            }
            await server.stop()
        }

        @Test("tell a client with TLS of a plain port, and a plain client of a port with TLS")
        func mixed() async throws {
            let server = try await TLSServer.start()
            let plain = try await PeerServer.start()
            var configuration = RPCClient.Configuration(host: "127.0.0.1", port: server.port)
            let client = RPCClient(configuration)
            for _ in 0..<3 {
                let error = try await failure { try await echo(client) }
                #expect(
                    error.message == "cannot connect to 127.0.0.1:\(server.port): the server wants "
                        + "TLS, and this client does not use it")
                #expect(error.requestFate == .notProcessed)
            }
            await client.shutdown()
            #expect(try await server.failure() == "the client does not use TLS")
            configuration.port = plain.port
            configuration.tls = try ClientTLS(
                authorities: server.certificates.authorities, certificate: nil, serverName: nil)
            let said = try await refusal(RPCClient(configuration))
            #expect(said.hasSuffix(": the server does not use TLS"), "\(said)")
            await plain.shutdown(deadline: .seconds(5))
            await server.stop()
        }

        @Test("detect a server that does not begin TLS, or sends an alert")
        func answers() async throws {
            // Other servers send an alert to a client without TLS.
            let alert = try await HostileServer.start { connection, _ in
                connection.send([0x15, 3, 3, 0, 2, 2, 70])
            }
            let client = RPCClient(.init(host: "127.0.0.1", port: alert.port))
            let said = try await refusal(client)
            #expect(said.hasSuffix("the server wants TLS, and this client does not use it"))
            await alert.stop()
        }

        @Test("are reported ten times at once, then once a second, and counted")
        func reports() async throws {
            let server = try await TLSServer.start()
            for _ in 0..<40 {
                let peer = try await RawPeer.connect(server.port)
                #expect(try await eventually { peer.now.isClosed })
                await peer.close()
            }
            let first = server.failures.count
            #expect((10...14).contains(first))
            try await Task.sleep(for: .milliseconds(1_100))
            let last = try await RawPeer.connect(server.port)
            #expect(try await eventually { server.failures.count > first })
            let told = server.failures.reduce(0) { $0 + 1 + $1.untoldCount }
            #expect(told == 41)
            await last.close()
            await server.stop()
        }
    }
}
