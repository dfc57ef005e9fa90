import FlagPositions
import OwnThread
import ProgramKit
import Testing

@testable import immudb

@Suite("The flags of immudb", .ownThread)
struct FlagPositionTests {
    private let positions = FlagPositions(
        of: ImmudbSettings.definition,
        among: [["-a", "::1"], ["--no-histograms"], ["-p0"], ["-m"], ["--dir", "d"]],
        values: [
            "address": "::1", "no-histograms": "true", "port": "0", "mtls": "true", "dir": "d",
        ]
    ) { words in
        let invocation = try Invocation<Immudb>(words)
        guard case .run(is Immudb) = invocation.action, invocation.configFile == nil else {
            return nil
        }
        return invocation.flags
    }

    @Test("give a switch the value attached to it, in any place and spelling")
    func switches() throws {
        try positions.expectSwitches(
            [
                "auth", "consistency-check", "detached", "gateway", "gateway-strict", "mtls",
                "no-histograms", "serve-damaged",
            ],
            values: ["false", "true", "maybe", "0", "-x", "a=b", "", "version"])
    }

    @Test("take their value in any place and spelling")
    func values() throws {
        try positions.expectValues(["7", "-7", "--dir", "-d", "a=b", "version"])
    }

    @Test("combine as letters, of which the last one may have a value")
    func letters() throws {
        try positions.expect(["auth": "true", "detached": "false"], writtenAs: ["-sd=false"])
    }
}
