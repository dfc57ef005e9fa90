import Foundation
import ImmudbClient

// The code of docs/client.md, compiled and run; `ClientDocumentationTests` compares the two.

enum ClientSnippets {
    static func alarm(_ message: String) { print(message) }

    static func fourLines(_ address: String, _ folder: String) async throws {
        let roots = FileTrustedRootStore(directory: folder)
        let client = try await ImmudbClient.connect(
            to: address, trustedRoots: roots, firstContact: .trustOnFirstUse)
        try await client.verifiedSet("hello", "world")
        let entry = try await client.verifiedGet("hello").value
        print(entry.text ?? "no text")
        precondition(entry.text == "world")
        await client.close()
    }

    static func configured(_ port: Int, _ roots: any TrustedRootStore) async throws {
        var configuration = ImmudbClient.Configuration(host: "127.0.0.1", port: port)
        configuration.callTimeoutMilliseconds = 10_000
        let patient = try await ImmudbClient.connect(configuration, trustedRoots: roots, firstContact: .refuse)
        await patient.close()
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
        precondition(some.map(\.value.keyText) == ["certificate:7"])
    }

    static func walks(_ client: ImmudbClient) async throws -> (versions: Int, page: Int, archived: Int) {
        var counts = (versions: 0, page: 0, archived: 0)
        func archive(_ record: [UInt8]) { counts.archived += 1 }
        try await client.verifiedSetBatch([(key: "invoice:1", value: "12.50"), (key: "invoice:2", value: "7.20")])
        for try await version in client.verifiedHistory(of: "invoice:1") {
            print(version.value.index, version.value.text ?? "", version.value.content?.date ?? "")
            counts.versions += 1
        }
        for try await entry in client.entries(withPrefix: "invoice:", before: "invoice:3") {
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
            try await client.verifiedSet("greeting", "hello")
            print(try await client.verifiedGet("hello"))
        } catch let error as VerificationError {
            alarm("\(error.code): \(error)")
        } catch let error as ClientError {
            switch error.code {
            case .serverChanged: alarm("\(error)")
            case .notFound: print(error.hint ?? "no such key")
            case .unavailable, .deadlineExceeded: print("no answer: what was read is not known, a write is not stored")
            case .outcomeUnknown: print("the write is stored, or not: look before you write it again")
            default: throw error
            }
        }
    }

    static func firstContact(
        _ address: String, _ hexDigits: String, _ roots: any TrustedRootStore, _ identityText: String
    ) async throws {
        let known = TrustedRoot("\(hexDigits)@1000") // nil for anything else than <root>@<size>
        let same = TrustedRoot(size: TreeSize(1_000), root: Digest(hex: hexDigits)!)
        precondition(known == same)
        let careful = try await ImmudbClient.connect(
            to: address, trustedRoots: roots, firstContact: .trust(same),
            expecting: ServerIdentity(identityText)!)
        await careful.close()
    }

    static func asking(
        _ address: String, _ roots: any TrustedRootStore, readLine: @escaping @Sendable () -> String?
    ) async throws {
        let asking = try await ImmudbClient.connect(
            to: address, trustedRoots: roots,
            firstContact: .ask { root, identity in
                print("\(identity) shows \(root.text). Trust it?")
                return readLine() == "yes"
            })
        defer { Task { await asking.close() } }
        try await asking.verifyContinuation()
    }

    static func whoAndWhat(_ client: ImmudbClient) async throws {
        print(client.identity) // what the server calls itself, for `expecting:`
        print(try await client.currentRoot().text) // what it shows now: trusted by nobody
        print(try await client.trustedRoot().text) // what this client trusts, as <root>@<size>, to be printed or passed on
        let proven = try await client.verifiedGet("hello")
        print(proven.root.text) // the tree in which the entry was verified: trusted when the call has returned
    }

    static func references(_ client: ImmudbClient) async throws {
        print(try await client.verifiedReference("current", to: "certificate:7"))
        let found = try await client.verifiedGet("current")
        print(found.value.keyText ?? "", found.reference?.keyText ?? "")
        print(try await client.verifiedZAdd("certificate:7", to: "by date", score: 20_261_125))
        precondition("\(found)".contains(", found by the name \"current\" of entry "))
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

actor RowStore: TrustedRootStore {
    private var rows: [ServerIdentity: TrustedRoot] = [:]
    private var servers: [String: ServerIdentity] = [:]

    func trustedRoot(of server: ServerIdentity) async throws -> TrustedRoot? { rows[server] }

    func establish(_ root: TrustedRoot, of server: ServerIdentity) async throws -> TrustedRoot {
        let stored = rows[server] ?? root
        rows[server] = stored
        return stored
    }

    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) async throws -> TrustedRoot {
        let stored = try rows[server]?.advanced(from: base, to: root) ?? root
        rows[server] = stored
        return stored
    }

    func server(at address: String) async throws -> ServerIdentity? { servers[address] }
    func note(_ server: ServerIdentity, at address: String) async throws { servers[address] = server }
}
