import FlagPositions
import OwnThread
import ProgramKit
import Testing

@testable import immutest

@Suite("The flags of immutest", .ownThread)
struct FlagPositionTests {
    private let positions = FlagPositions(
        of: ImmutestSettings.definition, among: [["--config", "c"], ["12"], ["--config=d"]],
        values: [:]
    ) { words in
        let invocation = try Invocation<Immutest>(words)
        guard case .run(let program as Immutest) = invocation.action, try program.count() == 12,
            invocation.configFile == "d"
        else { return nil }
        return invocation.flags
    }

    @Test("take their value in any place and spelling")
    func values() throws {
        try positions.expectSwitches([], values: [])
        try positions.expectValues(["7", "-7", "--config", "-a", "a=b", "version", ""])
    }
}
