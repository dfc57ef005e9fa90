import ImmudbClient

// The code of docs/client.md, compiled and run; `ClientDocumentationTests` compares the two.

enum ClientSnippets {
    static func alarm(_ message: String) { print(message) }

    static func fourLines(_ configuration: ImmudbClient.Configuration, _ folder: String) async throws {
        let roots = FileTrustedRootStore(directory: folder)
        let client = try await ImmudbClient.connect(
            configuration, trustedRoots: roots, firstContact: .trustOnFirstUse)
        try await client.verifiedSet("hello", "world")
        let entry = try await client.verifiedGet("hello").value
        precondition(entry.payload == Array("world".utf8))
        await client.close()
    }

    static func tls() -> ImmudbClient.Configuration {
        var configuration = ImmudbClient.Configuration(host: "db.example.com")
        configuration.tls = .init(
            authoritiesFile: "ca.pem", certificate: .init(file: "client.pem", keyFile: "client.key"))
        return configuration
    }

    static func proveScanned(_ client: ImmudbClient) async throws {
        for try await proven in client.verifiedScan(prefix: "certificate:") {
            print(proven)
        }
        let some = try await client.verify(try await client.getBatch(["certificate:7", "certificate:8"]))
        precondition(some.map(\.value.key) == [Array("certificate:7".utf8)])
    }

    static func walks(_ client: ImmudbClient) async throws -> (versions: Int, page: Int, archived: Int) {
        var counts = (versions: 0, page: 0, archived: 0)
        func archive(_ record: [UInt8]) { counts.archived += 1 }
        try await client.verifiedSetBatch([(key: "invoice:1", value: "12.50"), (key: "invoice:2", value: "7.20")])
        for try await version in client.verifiedHistory(of: "invoice:1") {
            print(version.value.index, version.value.payload)
            counts.versions += 1
        }
        for try await entry in client.entries(withPrefix: Array("invoice:".utf8), before: Array("invoice:3".utf8)) {
            print(entry)
        }
        for try await entry in client.verifiedEntries(from: EntryIndex(0), before: EntryIndex(200)) {
            print(entry)
        }
        let (page, hasMore) = try await client.page(1, size: 50)
        counts.page = page.count
        precondition(!hasMore)
        for try await record in try await client.dump() {
            archive(try record.fileRecord())
        }
        return counts
    }

    static func errors(_ client: ImmudbClient) async throws {
        do {
            _ = try await client.verifiedGet("hello")
        } catch let error as VerificationError {
            alarm("\(error.code): \(error)")
        } catch let error as ClientError where error.code == .notFound {
            print("no such key")
        } catch let error as ClientError where error.code == .unavailable {
            print("no server, or it went away: nothing was written")
        } catch let error as ClientError where error.code == .outcomeUnknown {
            print("a write may have been stored, or not: look before you write it again")
        }
    }

    static func firstContact(
        _ configuration: ImmudbClient.Configuration, _ digestFromAuditor: Digest,
        _ roots: any TrustedRootStore
    ) async throws {
        let known = TrustedRoot(size: TreeSize(1_000), root: digestFromAuditor)
        let careful = try await ImmudbClient.connect(
            configuration, trustedRoots: roots, firstContact: .trust(known))
        await careful.close()
    }

    static func references(_ client: ImmudbClient) async throws {
        try await client.verifiedReference("current", to: "certificate:7")
        let found = try await client.verifiedGet("current")
        print(found.value.key, found.reference?.key ?? [])
        try await client.verifiedZAdd("certificate:7", to: "by date", score: 20_261_125)
    }

    static func evidence() -> ImmudbClient.Configuration {
        var configuration = ImmudbClient.Configuration()
        configuration.evidenceDirectory = "evidence"
        return configuration
    }

    static func receipts(_ client: ImmudbClient) async throws {
        let receipt = try await client.receipt(of: "hello")
        let again = try Receipt(text: receipt.text)
        try again.verify()
    }
}
