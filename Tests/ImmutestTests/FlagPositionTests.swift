import OwnThread
import ProgramKit
import Testing

@testable import immutest

@Suite("The flags of immutest", .ownThread)
struct FlagPositionTests {
    @Test("take their value in any place and spelling")
    func values() throws {
        // If a switch is added, it needs a test like those of the other programs.
        #expect(ImmutestSettings.definition.settings.allSatisfy { !$0.isSwitch })
        for setting in ImmutestSettings.definition.settings {
            for value in ["7", "-7", "--config", "-a", "a=b", "version", ""] {
                try expect(setting.key, value, writtenAs: ["--\(setting.key)", value])
                try expect(setting.key, value, writtenAs: ["--\(setting.key)=\(value)"])
                guard let letter = setting.short else { continue }
                try expect(setting.key, value, writtenAs: ["-\(letter)", value])
                try expect(setting.key, value, writtenAs: ["-\(letter)=\(value)"])
                guard !value.isEmpty else { continue }
                try expect(setting.key, value, writtenAs: ["-\(letter)\(value)"])
            }
        }
    }

    /// Expects the flag's value with the flag at every position among the others.
    private func expect(_ key: String, _ value: String, writtenAs words: [String]) throws {
        let others = [["--config", "c"], ["12"], ["--config=d"]]
        for position in 0...others.count {
            let arguments =
                others[..<position].flatMap(\.self) + words
                + others[position...].flatMap(\.self)
            let invocation = try Invocation<Immutest>(arguments)
            guard case .run(let program as Immutest) = invocation.action,
                try program.count() == 12, invocation.configFile == "d"
            else {
                Issue.record("\(arguments) is taken for something else")
                continue
            }
            #expect(invocation.flags == [key: value], "\(arguments)")
        }
    }
}
