import Foundation
import ImmudbModel
import ImmudbStore
import ImmudbVerification
import TestTools
import Testing

@Suite("Documentation pages")
struct PageTests {
    @Test(
        "contain only lines of code that are compiled",
        arguments: ["store", "verification", "model"])
    func compiled(page: String) throws {
        let code = try DocumentedCode(
            page: "docs/\(page).md",
            snippets: "Tests/DocumentationTests/\(page.capitalized)Snippets.swift")
        #expect(code.lines.count >= 5)
        #expect(code.unknownLines.isEmpty)
    }

    @Test(
        "have one Package.swift each, which is accepted and names this package and its products",
        arguments: ["client", "store", "verification", "model"])
    func manifest(page: String) throws {
        let code = try DocumentedCode(page: "docs/\(page).md")
        try #require(code.manifests.count == 1)
        let folder = TemporaryFolder()
        _ = try folder.write("Package.swift", code.manifests[0])
        let manifest = try Self.manifest(in: folder.url)
        #expect(manifest.name == "App")
        // This package's manifest is not dumped: the test run holds the lock of its build.
        let own = try String(
            contentsOf: DocumentedCode.root.appendingPathComponent("Package.swift"),
            encoding: .utf8)
        let dependencies = manifest.dependencies.map {
            $0.fileSystem?.first?.nameForTargetDependencyResolutionOnly
        }
        #expect(
            dependencies == ["immudb"]
                && own.contains("let package = Package(\n    name: \"immudb\","))
        let wanted = manifest.targets.flatMap(\.dependencies)
            .compactMap { $0.product?.compactMap(\.text) }
        #expect(wanted.count == (page == "model" ? 2 : 1))
        for product in wanted {
            #expect(product.count == 2 && product[1] == "immudb")
            #expect(own.contains(".library(name: \"\(product[0])\""))
        }
    }

    private static func manifest(in folder: URL) throws -> DumpedManifest {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["swift", "package", "--package-path", folder.path, "dump-package"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return try JSONDecoder().decode(DumpedManifest.self, from: text)
    }

    @Test("have a README whose code does in an empty folder what it says")
    func readme() async throws {
        // `ClientDocumentationTests` runs the code that connects, with a server.
        let code = try DocumentedCode(
            page: "README.md", snippets: "Tests/DocumentationTests/ReadmeSnippets.swift",
            "Tests/EndToEndTests/ClientSnippets.swift",
            replacing: [
                "\\(folder)/certificates": "certificates", "to: address": "to: \"127.0.0.1:3322\"",
                "directory: folder": "directory: \"trusted\"",
            ])
        #expect(code.lines.count >= 10)
        #expect(code.unknownLines.isEmpty)
        let folder = TemporaryFolder()
        #expect(try await ReadmeSnippets.embedded(in: folder.path).size == TreeSize(1))
    }

    @Test("have code for the store that does what its page says")
    func store() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("immudb-pages-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("one").path
        try await StoreSnippets.first(path)
        let database = try Database.open(at: path)
        #expect(try await database.get("alice")?.text == "3f2a…")
        let rootFile = folder.appendingPathComponent("root").path
        let kept = try await StoreSnippets.keepRoot(database, rootFile)
        #expect(TrustedRoot(kept) == database.snapshot.trustedRoot)
        try await StoreSnippets.write(database)
        #expect(try await StoreSnippets.keepRoot(database, rootFile) != kept)
        #expect(
            try String(contentsOfFile: rootFile, encoding: .utf8)
                == database.snapshot.trustedRoot.text)
        #expect(try await StoreSnippets.fail(database) == .invalidKey)
        let counts = try await StoreSnippets.read(database)
        #expect(counts.versions == 1 && counts.invoices == 1 && counts.alice == 1)
        try database.close()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let databases = try StoreSnippets.share(folder.path)
        #expect(databases.count == 2)
        for database in databases { try database.close() }
    }

    @Test(
        "have code for verification that accepts a proof of the store, and refuses a changed entry")
    func verification() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("immudb-pages-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try Database.open(at: folder.path)
        try await database.set(Array("first".utf8), [])
        let trusted = database.snapshot.trustedRoot
        try await database.set(Array("hello".utf8), Array("world".utf8))
        let proven = try #require(
            try await database.getProven(Array("hello".utf8), since: trusted.size))
        try database.close()
        let proof = UncheckedProof(
            leaf: proven.proof.leaf.bytes, index: proven.proof.index.rawValue,
            at: proven.proof.size.rawValue - 1, root: proven.proof.root.bytes,
            inclusionPath: proven.proof.inclusion.path.map(\.bytes),
            consistencyPath: proven.proof.consistency.path.map(\.bytes))
        let new = try VerificationSnippets.answer(proven.entry, proof, since: trusted)
        #expect(new == proven.proof.tree)
        var changed = proven.entry
        changed.value.append(0)
        #expect(throws: VerificationError.self) {
            try VerificationSnippets.answer(changed, proof, since: trusted)
        }
        let server = try #require(ServerIdentity("c0ffee0123456789abcd"))
        let receipt = Receipt(
            server: server, entry: proven.entry, root: new, path: proven.proof.inclusion.path)
        try VerificationSnippets.receipt(receipt.text, new)
    }

    @Test("have code for the tree that makes a valid proof, and a root that can be kept")
    func model() throws {
        let (kept, again) = try ModelSnippets.tree()
        #expect(kept == again && kept.size == TreeSize(7))
    }
}

/// The output of `swift package dump-package`, as far as the tests use it.
private struct DumpedManifest: Decodable {
    struct Dependency: Decodable {
        struct Folder: Decodable { let nameForTargetDependencyResolutionOnly: String? }
        let fileSystem: [Folder]?
    }
    struct Target: Decodable {
        struct Dependency: Decodable {
            /// Name and package, and values that are null or an object here.
            struct Part: Decodable {
                let text: String?

                init(from decoder: any Decoder) throws {
                    text = try? decoder.singleValueContainer().decode(String.self)
                }
            }

            let product: [Part]?
        }

        let dependencies: [Dependency]
    }

    let name: String
    let dependencies: [Dependency]
    let targets: [Target]
}
