import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization
import TestCertificates
import Testing

/// A server with TLS and the events that it saw, for one test.
final class TLSServer: Sendable {
    private final class Record: Sendable {
        let peers = Mutex<[PeerCertificate?]>([])
        let failures = Mutex<[RPCServer.FailedHandshake]>([])
    }

    let certificates: TestCertificates
    /// The server's own files.
    let files: TestCertificates.Files
    let tls: ServerTLS
    let server: RPCServer
    private let record: Record

    var port: Int { server.port }
    /// The clients' certificates of the calls so far.
    var peers: [PeerCertificate?] { record.peers.withLock { $0 } }
    /// The failures of handshakes, as the server reported them.
    var failures: [RPCServer.FailedHandshake] { record.failures.withLock { $0 } }

    /// Waits for the first handshake that fails.
    func failure() async throws -> String {
        #expect(try await eventually { !self.failures.isEmpty })
        return failures.first?.reason ?? "none"
    }

    private init(
        _ certificates: TestCertificates, _ files: TestCertificates.Files, _ tls: ServerTLS,
        _ server: RPCServer, _ record: Record
    ) {
        self.certificates = certificates
        self.files = files
        self.tls = tls
        self.server = server
        self.record = record
    }

    /// - Parameter isMutual: whether clients need a certificate.
    static func start(
        isMutual: Bool = true, counters: Counters = Counters(),
        configure: (inout RPCServer.Configuration) -> Void = { _ in },
        certificate: (TestCertificates) throws -> TestCertificates.Files = {
            try $0.issue("server", .server)
        }
    ) async throws -> TLSServer {
        let certificates = try TestCertificates()
        let files = try certificate(certificates)
        let tls = try ServerTLS(
            certificate: files.certificate, key: files.key,
            clientAuthorities: isMutual ? certificates.authorities : nil)
        let record = Record()
        let server = try await PeerServer.start(counters) {
            $0.tls = tls
            $0.failedHandshake = { failure in record.failures.withLock { $0.append(failure) } }
            $0.interceptor = { (call) throws(RPCError) in
                record.peers.withLock { $0.append(call.peerCertificate) }
            }
            configure(&$0)
        }
        return TLSServer(certificates, files, tls, server, record)
    }

    func client(
        certificate: TestCertificates.Files?, authorities: String? = nil,
        name: String? = "localhost", host: String = "127.0.0.1"
    ) throws -> RPCClient {
        var configuration = RPCClient.Configuration(host: host, port: port)
        configuration.tls = try ClientTLS(
            authorities: authorities ?? certificates.authorities,
            certificate: certificate.map { ($0.certificate, $0.key) }, serverName: name)
        return RPCClient(configuration)
    }

    /// Returns a client that the server admits.
    func client() throws -> RPCClient {
        try client(certificate: certificates.issue("client", .client, for: "alice"))
    }

    func stop() async { await server.shutdown(deadline: .seconds(5)) }
}

/// Sends bytes, and expects them back.
func echo(_ client: RPCClient, _ count: Int = 4) async throws {
    let bytes = BytesValue(.init(repeating: 7, count: count))
    let answer: RPCResponse<BytesValue> = try await client.unary(
        "/test.Peer/Echo", bytes, timeout: .seconds(20))
    #expect(answer.message == bytes)
}
