import Foundation
import Testing

@testable import Terminal

@Suite("The file of a history")
struct HistoryFileTests {
    @Test("what is no regular file, such as a device or a pipe, is not replaced")
    func specialFiles() throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("history-test-\(UUID().uuidString)").path
        defer { unlink(path) }
        try #require(mkfifo(path, 0o600) == 0)
        LineHistory(path: path).add("line")
        var status = stat()
        #expect(lstat(path, &status) == 0)
        #expect(status.st_mode & S_IFMT == S_IFIFO)
    }
}
