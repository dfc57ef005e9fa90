import Foundation
import TestTools
import Testing

@testable import SystemServices

/// The program that becomes a service.
@Suite("The program of a service")
struct ProgramTests {
    private let host = StandInMachine()

    @Test("is an error that names --local-file if it is missing", .enabled(if: geteuid() == 0))
    func noProgram() throws {
        for path in [nil, "/nowhere/immudb", host.folder.path] as [String?] {
            let failed = try #require(throws: StandInMachine.Failure.self) {
                try host.run("immudb", "install") { $0.localFile = path }
            }
            #expect(
                failed.error.message.hasPrefix("executable file does not exists or not provided: "))
            #expect(failed.error.message.hasSuffix("Give its path with --local-file"))
        }
    }

    @Test(
        "is run as nobody for its man page, and no link is taken for that page",
        .enabled(if: geteuid() == 0))
    func manPage() throws {
        for (line, page) in [
            ("id -u > \"$2/immudb.1\"", "65534\n"), ("ln -s /etc/shadow \"$2/immudb.1\"", nil),
            ("exit 1", nil), ("kill -9 $$", nil),
        ] {
            let host = StandInMachine()
            let program = try host.folder.write("program", "#!/bin/sh\n\(line)\n")
            chmod(program, 0o755)
            let source = ExecutableSource(
                path: program, digest: try MachineFiles.digest(ofFileAt: program))
            #expect(host.machine.manPage(of: source, named: "/man1/immudb.1") == page)
            #expect(host.paths == ["/program"])
        }
    }
}
