import Crypto
import Foundation
import TestTools
import Testing

@Suite("A server that signs its roots, and immuclient with its public key")
struct RootSignatureEndToEndTests {
    private let folder = TemporaryFolder()
    private let key = P256.Signing.PrivateKey()

    private func write(_ text: String, to name: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: folder.file(name))
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: folder.file(name).path)
    }

    private func client(_ port: Int, _ arguments: [String]) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(port)", "--dir", "roots"] + arguments, directory: folder.path)
    }

    @Test("agree, by flag and by variable; receipts are signed and checked offline")
    func signed() async throws {
        try write(key.pemRepresentation, to: "key.pem")
        try write(key.publicKey.pemRepresentation, to: "pub.pem")
        let pinned = ["--server-signing-pub-key", "pub.pem"]
        var server = try await RunningServer(
            dir: folder.file("db").path, arguments: ["--signing-key", folder.file("key.pem").path])
        #expect(server.process.errors.contains("roots are signed; the public key is 04"))
        #expect(try await client(server.port, pinned + ["safeset", "a", "1"]).exitCode == 0)
        let current = try await client(server.port, pinned + ["current", "--json"])
        #expect(
            current.output.contains(
                #""publicKey":"\#(key.publicKey.x963Representation.base64EncodedString())""#))
        let receipt = try await client(server.port, pinned + ["receipt", "a", "a.receipt"])
        #expect(receipt.exitCode == 0, "\(receipt.errors)")
        #expect(try await server.stop() == 0)
        let offline = try await FinishedProcess.run(
            "immuclient", ["--dir", "nothing", "verify-receipt", "a.receipt"] + pinned,
            directory: folder.path)
        #expect(offline.exitCode == 0, "\(offline.errors)")
        #expect(
            offline.output.contains("trusted:\tthe server has signed it with the key that you gave")
        )

        // The same data without the key, and with another.
        server = try await RunningServer(dir: folder.file("db").path)
        let unsigned = try await client(server.port, pinned + ["current"])
        #expect(unsigned.exitCode == 3)
        #expect(unsigned.errors.contains("the server's root has no signature"))
        #expect(try await client(server.port, ["current"]).exitCode == 0)
        #expect(try await server.stop() == 0)
        try write(P256.Signing.PrivateKey().pemRepresentation, to: "other.pem")
        server = try await RunningServer(
            dir: folder.file("db").path,
            environment: ["IMMUDB_SIGNING_KEY": folder.file("other.pem").path])
        let forged = try await client(server.port, pinned + ["current", "--json"])
        #expect(forged.exitCode == 3)
        #expect(forged.errors.contains(#""check":"signatureInvalid""#))
        #expect(try await server.stop() == 0)
        try write(P256.Signing.PrivateKey().publicKey.pemRepresentation, to: "pub.pem")
        let refuted = try await FinishedProcess.run(
            "immuclient", ["--dir", "nothing", "verify-receipt", "a.receipt"] + pinned,
            directory: folder.path)
        #expect(refuted.exitCode == 3)
    }

    @Test("say what is wrong with a key file, and start nothing")
    func badKeys() async throws {
        try write(key.pemRepresentation, to: "open.pem", mode: 0o644)
        let open = try await FinishedProcess.run(
            "immudb",
            ["--dir", "db", "-p", "0", "--metrics-port", "0", "--signing-key", "open.pem"],
            directory: folder.path)
        #expect(open.exitCode == 1)
        #expect(
            open.errors.contains("Unable to use the signing key open.pem: its permissions are 644"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("db").path))
        // The original's spelling is suggested in this program's.
        let spelled = try await FinishedProcess.run("immudb", ["--signingKey", "open.pem"])
        #expect(spelled.exitCode == 1)
        #expect(spelled.errors.contains("--signing-key"))
        let pin = try await client(1, ["current", "--server-signing-pub-key", "open.pem"])
        #expect(pin.exitCode == 1)
        #expect(pin.errors.contains("it holds a private key: give the public one"))
    }
}
