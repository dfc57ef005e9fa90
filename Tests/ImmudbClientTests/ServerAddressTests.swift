import Foundation
import LyingServer
import Testing

@testable import ImmudbClient

@Suite("Addresses of servers")
struct ServerAddressTests {
    @Test(
        "have a port or none, and brackets around IPv6 or none",
        arguments: [
            ("localhost", "localhost", 3322), ("localhost:4000", "localhost", 4000),
            ("127.0.0.1", "127.0.0.1", 3322), ("127.0.0.1:1", "127.0.0.1", 1),
            ("::1", "::1", 3322), ("[::1]", "::1", 3322), ("[::1]:65535", "::1", 65535),
            ("[fe80::1%eth0]:1", "fe80::1%eth0", 1), ("::", "::", 3322),
            ("[127.0.0.1]:5", "127.0.0.1", 5),
        ])
    func forms(text: String, host: String, port: Int) throws {
        let address = try ServerAddress(text)
        #expect(address.host == host && address.port == port)
        #expect(try ServerAddress(address.description) == address)
    }

    @Test("take a separate port if they have none or the same one")
    func portBeside() throws {
        #expect(try ServerAddress("::1", port: 5).port == 5)
        #expect(try ServerAddress("x:5", port: 5).port == 5)
        #expect(fault("x:5", port: 6).contains("names port 5, but the port is given as 6"))
        #expect(fault("[::1]:5", port: 3322).contains("names port 5"))
    }

    @Test(
        "refuse a separate port that is not from 1 to 65,535", arguments: [70_000, 65_536, 0, -1])
    func noPort(port: Int) {
        let words = "its port \(port) is not a number from 1 to 65535"
        for host in ["x", "::1", "x:5"] { #expect(fault(host, port: port) == words) }
    }

    @Test(
        "are refused with the reason in other forms",
        arguments: [
            ("", "names no host"), (":5", "names no host"), ("[]", "names no host"),
            ("[::1", "bracket is not closed"), ("[::1]5", "give a colon and a port"),
            ("x:", "is not a number from 1 to 65535"), ("x:0", "is not a number"),
            ("x:65536", "a number"), ("x:-1", "a number"), ("x:+1", "a number"),
            ("[::1]:a", "its port \"a\" is not"), ("x:99999999999999999999", "a number"),
        ])
    func faults(text: String, words: String) {
        #expect(fault(text).contains(words), "\(fault(text))")
    }

    private func fault(_ text: String, port: Int? = nil) -> String {
        do throws(ServerAddress.Fault) {
            _ = try ServerAddress(text, port: port)
            return ""
        } catch {
            return error.description
        }
    }

    @Test("are connected to in all forms, and refused otherwise")
    func configuration() async throws {
        let server = try await LyingServer.start(TestLedger(count: 1))
        for (host, port) in [
            ("127.0.0.1:\(server.port)", nil), ("localhost:\(server.port)", nil),
            ("localhost", server.port), ("[127.0.0.1]:\(server.port)", server.port),
        ] as [(String, Int?)] {
            let client = try await connect(host, port)
            #expect(client.identity.text == LyingServer.identityText)
            await client.close()
        }
        let error = await #expect(throws: ClientError.self) {
            _ = try await connect("127.0.0.1:\(server.port)", 1)
        }
        #expect(error?.message.contains("names port \(server.port)") == true, "\(error as Any)")
        await server.stop()
    }

    private func connect(_ host: String, _ port: Int?) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(host: host, port: port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
    }
}
