import Foundation
import TestTools
import Testing

/// The program of `Examples/EmbeddedDatabase`, as the README shows it.
struct ExampleTests {
    @Test("the example embeds the database, and proves its second run against the first")
    func embeddedDatabase() async throws {
        let folder = TemporaryFolder()
        let path = folder.file("certificates").path
        let first = try await FinishedProcess.run("EmbeddedDatabase", [path])
        #expect(first.exitCode == 0)
        #expect(first.output.contains("has 2 entries, and continues the 0 that were trusted"))
        let second = try await FinishedProcess.run("EmbeddedDatabase", [path])
        #expect(second.exitCode == 0)
        #expect(second.output.contains("has 4 entries, and continues the 2 that were trusted"))
    }

    @Test("the example of the client verifies what it wrote, and its second run against the first")
    func verifiedClient() async throws {
        let folder = TemporaryFolder()
        let server = try await RunningServer(dir: folder.file("db").path)
        let arguments = ["\(server.port)", folder.file("trusted").path]
        let first = try await FinishedProcess.run("VerifiedClient", arguments)
        #expect(first.exitCode == 0)
        #expect(first.output.contains("issued to alice: verified: true"))
        #expect(first.output.contains("has 1 entries, and continues the 0 from before"))
        let second = try await FinishedProcess.run("VerifiedClient", arguments)
        #expect(second.exitCode == 0)
        #expect(second.output.contains("has 2 entries, and continues the 1 from before"))
        #expect(try await server.stop() == 0)
    }
}
