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

    static func proveScanned(_ client: ImmudbClient) async throws {
        for try await entry in client.entries(withPrefix: Array("certificate:".utf8)) {
            let proven = try await client.verify(entry)
            print(proven.value.index)
        }
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
        try await client.verifiedReference(Array("current".utf8), to: Array("certificate:7".utf8))
        let found = try await client.verifiedGet("current")
        print(found.value.key, found.reference?.key ?? [])
        try await client.verifiedZAdd(Array("certificate:7".utf8), to: Array("by date".utf8), score: 20_261_125)
    }

    static func evidence() -> ImmudbClient.Configuration {
        var configuration = ImmudbClient.Configuration()
        configuration.evidenceDirectory = "evidence"
        return configuration
    }

    static func receipts(_ client: ImmudbClient) async throws {
        let receipt = try await client.receipt(of: Array("hello".utf8))
        let again = try Receipt(text: receipt.text)
        try again.verify()
    }
}
