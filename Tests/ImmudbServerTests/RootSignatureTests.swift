import Crypto
import Foundation
import ImmudbProtocol
import ImmudbServer
import Logging
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

@Suite("Signed roots")
struct RootSignatureTests {
    private let folder = TemporaryFolder()
    private let key = P256.Signing.PrivateKey()

    private func keyFile(_ text: String? = nil, mode: Int = 0o600) throws -> String {
        let path = folder.file("signing.pem").path
        try Data((text ?? key.pemRepresentation).utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    /// Verifies as a client in another language does: over the message without the signature.
    private func isSigned(_ root: Immudb_Schema_Root) throws -> Bool {
        var payload = root
        payload.clearSignature()
        let signature = try P256.Signing.ECDSASignature(
            derRepresentation: root.signature.signature)
        return try key.publicKey.isValidSignature(signature, for: payload.serializedData())
    }

    @Test("carry a valid signature and the public key, also of an empty database")
    func carried() async throws {
        try await TestServer.run(signingKeyFile: keyFile()) { server in
            for number in 0..<5 {
                let root = try await server.currentRoot()
                #expect(root.index == UInt64(max(0, number - 1)))
                #expect(root.root.isEmpty == (number == 0))
                #expect(root.signature.publicKey == key.publicKey.x963Representation)
                #expect(try isSigned(root))
                try await server.set("key\(number)", "value")
            }
            #expect(try await server.currentRoot().index == 4)
        }
    }

    @Test("are signed once, however often they are asked for")
    func cached() async throws {
        try await TestServer.run(signingKeyFile: keyFile()) { server in
            try await server.set("a", "1")
            let first = try await server.currentRoot()
            // Each signature draws a random number, so that two signatures of one root differ.
            for _ in 0..<20 { #expect(try await server.currentRoot() == first) }
            try await server.set("b", "2")
            let second = try await server.currentRoot()
            #expect(second.index == 1)
            #expect(second.signature.signature != first.signature.signature)
            #expect(try isSigned(second))
        }
    }

    @Test("never fall behind what was written before the call, beside writers")
    func newest() async throws {
        try await TestServer.run(signingKeyFile: keyFile()) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        for number in 0..<50 {
                            let index = try await server.set("\(writer)", "\(number)")
                            let root = try await server.currentRoot()
                            #expect(root.index >= index)
                            #expect(try isSigned(root))
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("are not signed without a key")
    func unsigned() async throws {
        try await TestServer.run { server in
            try await server.set("a", "1")
            #expect(!(try await server.currentRoot()).hasSignature)
        }
    }

    private func pem(_ name: String, _ der: Data) -> String {
        let text = der.base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN \(name)-----\n\(text)\n-----END \(name)-----\n"
    }

    @Test("take keys as openssl writes them: PKCS#8, and SEC 1 behind its parameters")
    func formats() async throws {
        // As openssl ecparam -name prime256v1 -genkey: RFC 5915, behind the name of the curve.
        let curve = Data([0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07])
        let der =
            Data([0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20]) + key.rawRepresentation
            + Data([0xa0, 0x0a]) + curve + Data([0xa1, 0x44, 0x03, 0x42, 0x00])
            + key.publicKey.x963Representation
        let sec1 =
            pem("EC PARAMETERS", curve) + pem("EC PRIVATE KEY", der)
        for text in [key.pemRepresentation, sec1] {
            try await TestServer.run(signingKeyFile: keyFile(text)) { server in
                let root = try await server.currentRoot()
                #expect(root.signature.publicKey == key.publicKey.x963Representation)
            }
        }
    }

    @Test(
        "refuse a start with a key that cannot be used, and say why",
        arguments: [
            ("", 0o600, "it holds no private key in PEM. Make one: openssl genpkey"),
            ("hello", 0o600, "it holds no private key in PEM"),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600,
                "its private key is damaged, or not one of the curve P-256"
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                0o600, "it is encrypted: give a key without a passphrase"
            ),
            (nil, 0o644, "its permissions are 644"), (nil, 0o620, "its permissions are 620"),
            (P384.Signing.PrivateKey().pemRepresentation, 0o600, "not one of the curve P-256"),
        ] as [(String?, Int, String)])
    func unusable(text: String?, mode: Int, said: String) async throws {
        let path = try keyFile(text, mode: mode)
        let error = await #expect(throws: ServerStartError.self) {
            try await TestServer.run(signingKeyFile: path) { _ in }
        }
        let message = try #require(error).message
        #expect(message.hasPrefix("Unable to use the signing key \(path): "))
        #expect(message.contains(said), "\(message)")
    }

    @Test("refuse a start with a key file that is not there, a folder, or a pipe")
    func noFile() async throws {
        let pipe = folder.file("pipe").path
        #expect(mkfifo(pipe, 0o600) == 0)
        for path in [folder.file("none").path, folder.path, pipe] {
            await #expect(throws: ServerStartError.self) {
                try await TestServer.run(signingKeyFile: path) { _ in }
            }
        }
    }
}
