import Testing

@testable import ProgramKit

@Suite("The arguments of a process")
struct ProcessArgumentsTests {
    @Test("omit the program's name")
    func usual() throws {
        #expect(try ProcessArguments.text(of: [Array("immudb".utf8)]) == [])
        #expect(
            try ProcessArguments.text(of: ["immudb", "--dir", "ö"].map { Array($0.utf8) }) == [
                "--dir", "ö",
            ])
    }

    @Test("refuse an empty command line instead of taking defaults")
    func empty() {
        #expect(throws: SettingsError.self) { try ProcessArguments.text(of: []) }
    }

    @Test("refuse an argument that is not UTF-8")
    func notText() {
        #expect(throws: SettingsError.self) {
            try ProcessArguments.text(of: [Array("immudb".utf8), [0xff]])
        }
    }
}
