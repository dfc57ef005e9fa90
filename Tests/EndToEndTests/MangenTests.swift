import Foundation
import TestTools
import Testing

/// The hidden command for packagers.
@Suite("Man pages of the programs")
struct MangenTests {
    @Test("are written by immudb mangen for each command, and are the same for the same date")
    func pages() async throws {
        let data = TemporaryFolder()
        for folder in ["a/b", "c"] {
            let finished = try await FinishedProcess.run(
                "immudb", ["mangen", folder], environment: ["SOURCE_DATE_EPOCH": "86400"],
                directory: data.path)
            #expect(finished.exitCode == 0)
            #expect(
                finished.output == "SUCCESS: man files generated in the \(folder) directory\n")
            #expect(finished.errors.isEmpty)
        }
        for name in ["immudb.1", "immudb-version.1"] {
            let page = try String(contentsOf: data.file("a/b/\(name)"), encoding: .utf8)
            #expect(try page == String(contentsOf: data.file("c/\(name)"), encoding: .utf8))
            #expect(page.hasPrefix(".TH \"immudb\" \"1\" \"1970-01-02\""))
        }
        let page = try String(contentsOf: data.file("c/immudb.1"), encoding: .utf8)
        #expect(page.contains("\\fB\\-\\-durability\\fR=\\fIword\\fR"))
        #expect(page.contains("\nIMMUDB_DIR\n"))
        #expect(!page.contains("mangen\\fR\n"))
    }

    @Test("are written to ./cmd/docs/man/immudb without a folder, or the failure is explained")
    func folder() async throws {
        let data = TemporaryFolder()
        let finished = try await FinishedProcess.run("immudb", ["mangen"], directory: data.path)
        #expect(
            finished.output
                == "SUCCESS: man files generated in the ./cmd/docs/man/immudb directory\n")
        let path = data.file("cmd/docs/man/immudb/immudb.1").path
        #expect(FileManager.default.fileExists(atPath: path))

        let failed = try await FinishedProcess.run("immudb", ["mangen", path])
        #expect(failed.exitCode == 1)
        #expect(failed.output.isEmpty)
        #expect(failed.errors.contains("cannot write the man page \(path)/immudb.1: Not a dir"))
        let dated = try await FinishedProcess.run(
            "immudb", ["mangen"], environment: ["SOURCE_DATE_EPOCH": "today"], directory: data.path)
        #expect(dated.exitCode == 1)
        #expect(dated.errors.contains("SOURCE_DATE_EPOCH is \"today\""))
    }
}
