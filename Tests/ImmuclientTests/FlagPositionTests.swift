import FlagPositions
import OwnThread
import ProgramKit
import Testing

@testable import immuclient

@Suite("The flags of immuclient", .ownThread)
struct FlagPositionTests {
    private let positions = FlagPositions(
        of: ClientSettings.definition,
        among: [["zadd"], ["-p9"], ["set"], ["--dir", "d"], ["-1.5"], ["key"]],
        values: ["immudb-port": "9", "dir": "d"]
    ) { words in
        let invocation = try Invocation<Immuclient>(words)
        guard case .run(let command as ZAddCommand) = invocation.action,
            [command.new.set, command.new.score, command.new.key] == ["set", "-1.5", "key"]
        else { return nil }
        return invocation.flags
    }

    @Test("give a switch the value attached to it, in any place and spelling")
    func switches() throws {
        try positions.expectSwitches(
            ["auth", "detached", "json", "mtls", "value-only"],
            values: ["false", "true", "maybe", "0", "-x", "-1", "a=b", "", "get"])
    }

    @Test("take their value in any place and spelling")
    func values() throws {
        try positions.expectValues(["7", "-7", "--dir", "-s", "a=b", "get"])
    }

    @Test("combine as letters, of which the last one may have a value")
    func letters() throws {
        try positions.expect(["auth": "true", "mtls": "false"], writtenAs: ["-sm=false"])
    }
}
