import Foundation
import TestTools
import Testing

/// immuclient with a server that it does not know, or that is not the one it knows.
@Suite("immuclient at first contact")
struct FirstContactEndToEndTests {
    private let data: TemporaryFolder
    private let home: TemporaryFolder

    init() throws {
        data = TemporaryFolder()
        home = TemporaryFolder()
    }

    private func client(
        _ port: Int, _ arguments: String..., environment: [String: String] = [:],
        directory: String? = nil
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(port)"] + arguments,
            environment: ["HOME": home.path].merging(environment) { $1 },
            directory: directory ?? home.path)
    }

    private var roots: URL { home.file(".immudb/roots") }

    /// Returns the server's identity, as it shows it to a new client.
    private func identity(_ port: Int) async throws -> String {
        let nobody = TemporaryFolder()
        let current = try await client(port, "current", "--json", "--dir", nobody.path)
        return String(try #require(current.output.firstMatch(of: /"server":"([0-9a-v]{20})"/)?.1))
    }

    @Test("names the server at the first verified call, and is silent afterwards, in any folder")
    func notice() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server.port, "set", "k", "v")
        #expect(!FileManager.default.fileExists(atPath: roots.path))
        let first = try await client(server.port, "safeget", "k")
        #expect(first.exitCode == 0)
        #expect(first.errors.hasPrefix("First contact with the server at 127.0.0.1:\(server.port)"))
        let identity = try #require(first.errors.firstMatch(of: /identity: ([0-9a-v]{20})\n/)?.1)
        let current = try await client(server.port, "current", "--json")
        let phrase = try #require(current.output.firstMatch(of: /"phrase":"([a-z-]{29})"/)?.1)
        #expect(first.errors.contains("phrase:   \(phrase)\n"))
        let mode =
            try FileManager.default.attributesOfItem(atPath: roots.path)[.posixPermissions] as? Int
        #expect(mode == 0o700)

        let elsewhere = TemporaryFolder()
        let second = try await client(server.port, "safeget", "k", directory: elsewhere.path)
        #expect(second.exitCode == 0 && second.errors.isEmpty, "\(second.errors)")
        let other = try await client(server.port, "safeget", "k", "--json", "--dir", elsewhere.path)
        #expect(other.errors.hasPrefix("{\"firstContact\":{"))
        #expect(other.errors.contains("\"server\":\"\(identity)\""))
        #expect(other.errors.contains("\"phrase\":\"\(phrase)\""))
        #expect(try await server.stop() == 0)
    }

    @Test("notes a trusted server at each address at which it finds it")
    func otherAddress() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server.port, "safeset", "k", "v")
        let local = try await client(server.port, "-a", "localhost", "safeget", "k")
        #expect(local.exitCode == 0 && local.errors.isEmpty, "\(local.errors)")
        #expect(try await server.stop() == 0)

        let elsewhere = TemporaryFolder()
        let other = try await RunningServer(dir: elsewhere.path, port: server.port)
        _ = try await client(other.port, "set", "k", "evil", "--dir", elsewhere.file("roots").path)
        for host in ["127.0.0.1", "localhost"] {
            let refused = try await client(other.port, "-a", host, "safeget", "k")
            #expect(refused.exitCode == 1 && refused.output.isEmpty)
            #expect(refused.errors.contains("THE SERVER HAS CHANGED"), "\(refused.errors)")
        }
        #expect(try await other.stop() == 0)
    }

    @Test("uses a root in the current folder, unless another folder is named")
    func rootHere() async throws {
        let server = try await RunningServer(dir: data.path)
        let here = TemporaryFolder()
        _ = try await client(
            server.port, "safeset", "k", "v", "--dir", here.path, directory: here.path)
        let again = try await client(server.port, "safeset", "k", "w", directory: here.path)
        #expect(again.errors.isEmpty, "\(again.errors)")
        #expect(!FileManager.default.fileExists(atPath: roots.path))
        let homeless = try await client(
            server.port, "safeset", "k", "x", environment: ["HOME": ""], directory: here.path)
        #expect(homeless.exitCode == 0 && homeless.errors.isEmpty, "\(homeless.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test(
        "asks a person at a terminal, and trusts the server only after a yes",
        arguments: ["n", "", "y"])
    func asked(answer: String) async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server.port, "set", "k", "v")
        let run = try await PythonPeer.typing(
            ["\(answer)\\r"], into: "immuclient", ["-p", "\(server.port)", "safeget", "k"],
            environment: ["HOME": home.path, "TERM": "vt100"], directory: home.path)
        #expect(run.output.contains("phrase:"), "\(run.output)")
        #expect(run.output.contains("Trust it? [y/N] "))
        #expect(run.exitCode == (answer == "y" ? 0 : 1))
        #expect(run.output.contains("verified:\ttrue") == (answer == "y"), "\(run.output)")
        let known = roots.appendingPathComponent("known-servers").path
        #expect(FileManager.default.fileExists(atPath: known) == (answer == "y"))
        #expect(try await server.stop() == 0)
    }

    @Test("trusts no server with refuse and says why; refuses words other than the three")
    func refuse() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server.port, "set", "k", "v")
        let refused = try await client(server.port, "safeget", "k", "--first-contact", "refuse")
        #expect(refused.exitCode == 1)
        #expect(refused.output.isEmpty)
        #expect(refused.errors.contains("no root of the server"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: roots.path))
        let wrong = try await client(server.port, "safeget", "k", "--first-contact", "maybe")
        #expect(wrong.exitCode == 1)
        #expect(wrong.errors.contains("ask, accept or refuse"), "\(wrong.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("refuses another server at a known address in every command, until it is named")
    func otherServer() async throws {
        var server = try await RunningServer(dir: data.path)
        _ = try await client(server.port, "safeset", "k", "v")
        let port = server.port
        let known = try await identity(port)
        #expect(try await server.stop() == 0)

        let forged = TemporaryFolder()
        server = try await RunningServer(dir: forged.path, port: port)
        let new = try await identity(port)
        for words in [["get", "k"], ["safeget", "k"], ["safeset", "k", "w"], ["login", "joe"]] {
            let run = try await FinishedProcess.run(
                "immuclient", ["-p", "\(port)"] + words, directory: home.path, input: "secret\n")
            #expect(run.exitCode == 1)
            #expect(run.output.isEmpty)
            #expect(run.errors.contains("THE SERVER HAS CHANGED"), "\(run.errors)")
            #expect(run.errors.contains(known) && run.errors.contains(new))
        }
        let wrong = try await client(port, "safeget", "k", "--server", known)
        #expect(wrong.exitCode == 1)
        #expect(wrong.errors.contains("says that it is \(new), not \(known)"), "\(wrong.errors)")
        let named = try await client(port, "safeset", "k", "w", "--server", new)
        #expect(named.exitCode == 0, "\(named.errors)")
        let after = try await client(port, "safeget", "k")
        #expect(after.exitCode == 0 && after.errors.isEmpty, "\(after.errors)")
        let nonsense = try await client(port, "safeget", "k", "--server", "a b")
        #expect(nonsense.exitCode == 1)
        #expect(nonsense.errors.contains("an identifier has 1 to 64 letters"), "\(nonsense.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("reports an empty root file by name, and does not take it for a first contact")
    func emptyRootFile() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server.port, "safeset", "k", "v")
        let file = roots.appendingPathComponent(".root-\(try await identity(server.port))")
        try Data().write(to: file)
        let run = try await client(server.port, "safeget", "k")
        #expect(run.exitCode == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("\(file.path) has no bytes"), "\(run.errors)")
        #expect(try Data(contentsOf: file).isEmpty)
        #expect(try await server.stop() == 0)
    }

    @Test("repeats the first contact with an empty server once it has entries")
    func emptyServer() async throws {
        let server = try await RunningServer(dir: data.path)
        let none = try await client(server.port, "safeget", "k")
        #expect(none.exitCode == 4)
        #expect(none.errors.hasPrefix("First contact with the server"))
        #expect(
            none.errors.split(separator: "\n").filter { $0.contains("which is empty") }.count == 1)
        _ = try await client(server.port, "set", "k", "v")
        let first = try await client(server.port, "safeget", "k")
        #expect(first.exitCode == 0)
        #expect(first.errors.contains("phrase:"), "\(first.errors)")
        #expect(try await server.stop() == 0)
    }
}
