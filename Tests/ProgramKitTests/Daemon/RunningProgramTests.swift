import Foundation
import TestTools
import Testing

@testable import ProgramKit

@Suite("A running program, found by its pid file")
struct RunningProgramTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("a.pid").path }

    @Test("is the one that holds the file's lock, as long as it does")
    func running() throws {
        #expect(try RunningProgram(pidFile: path)?.id == nil)
        let file = try PidFile(path, program: "it")
        #expect(try RunningProgram(pidFile: path)?.id == getpid())
        // Looking takes nothing from who holds the lock.
        #expect(try RunningProgram(pidFile: path)?.id == getpid())
        file.remove()
        #expect(try RunningProgram(pidFile: path)?.id == nil)
    }

    @Test("is none if the file was left by a killed one, whatever process has its number now")
    func stale() throws {
        try Data("1".utf8).write(to: folder.file("a.pid"))
        #expect(try RunningProgram(pidFile: path)?.id == nil)
        #expect(throws: DaemonError.self) {
            _ = try RunningProgram(pidFile: folder.path + "/a.pid/b")
        }
    }
}
