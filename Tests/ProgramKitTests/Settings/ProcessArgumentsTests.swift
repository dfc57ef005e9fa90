import Testing

@testable import ProgramKit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("The arguments of a process")
struct ProcessArgumentsTests {
    private func text(_ arguments: [[UInt8]]) throws(SettingsError) -> [String] {
        var strings = arguments.map { bytes in
            (bytes + [0]).withUnsafeBufferPointer { buffer in
                buffer.withMemoryRebound(to: CChar.self) { strdup($0.baseAddress!) }
            }
        }
        defer { for string in strings { free(string) } }
        strings.append(nil)
        let result = strings.withUnsafeBufferPointer { buffer in
            Result { () throws(SettingsError) in
                try ProcessArguments.text(count: arguments.count, buffer.baseAddress!)
            }
        }
        return try result.get()
    }

    @Test("leaves the program's name out")
    func usual() throws {
        #expect(try text([Array("immudb".utf8)]) == [])
        #expect(try text(["immudb", "--dir", "ö"].map { Array($0.utf8) }) == ["--dir", "ö"])
    }

    @Test("refuses an empty command line instead of taking defaults")
    func empty() {
        #expect(throws: SettingsError.self) { try text([]) }
    }

    @Test("refuses an argument that is not UTF-8")
    func notText() {
        #expect(throws: SettingsError.self) { try text([Array("immudb".utf8), [0xff]]) }
    }
}
