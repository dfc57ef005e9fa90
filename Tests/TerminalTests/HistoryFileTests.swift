import Foundation
import Testing

@testable import Terminal

@Suite("A history file")
struct HistoryFileTests {
    @Test("is not replaced if it is not a regular file, but a device or a pipe")
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
