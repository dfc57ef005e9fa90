import FlagPositions
import OwnThread
import ProgramKit
import Testing

@testable import immugw

@Suite("The flags of immugw", .ownThread)
struct FlagPositionTests {
    private let positions = FlagPositions(
        of: ImmugwSettings.definition,
        among: [["-a", "::1"], ["--strict"], ["-p0"], ["-m"], ["--dir", "d"]],
        values: ["address": "::1", "strict": "true", "port": "0", "mtls": "true", "dir": "d"]
    ) { words in
        let invocation = try Invocation<Immugw>(words)
        guard case .run(is Immugw) = invocation.action, invocation.configFile == nil else {
            return nil
        }
        return invocation.flags
    }

    @Test("give a switch the value attached to it, in any place and spelling")
    func switches() throws {
        try positions.expectSwitches(
            ["detached", "mtls", "strict"],
            values: ["false", "true", "maybe", "0", "-x", "a=b", "", "version"])
    }

    @Test("take their value in any place and spelling")
    func values() throws {
        try positions.expectValues(["7", "-7", "--dir", "-d", "a=b", "version"])
    }

    @Test("have the letters of immugw 0.6")
    func letters() {
        let letters = ImmugwSettings.definition.settings.compactMap { setting in
            setting.short.map { "\($0) \(setting.key)" }
        }
        #expect(
            letters == [
                "a address", "d detached", "k immudb-address", "j immudb-port", "m mtls", "p port",
            ])
    }
}
