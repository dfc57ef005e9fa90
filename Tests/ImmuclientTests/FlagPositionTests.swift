import OwnThread
import ProgramKit
import Testing

@testable import immuclient

@Suite("The flags of immuclient", .ownThread)
struct FlagPositionTests {
    /// The other words on the command line: words of the command, and flags.
    private let others = [["zadd"], ["-p9"], ["set"], ["--dir", "d"], ["-1.5"], ["key"]]

    @Test("give a switch the value attached to it, in any place and spelling")
    func switches() throws {
        let switches = ClientSettings.definition.settings.filter(\.isSwitch)
        #expect(Set(switches.map(\.key)) == ["auth", "json", "mtls", "value-only"])
        for setting in switches {
            var expected = ["": "true"]
            for value in ["false", "true", "maybe", "0", "-x", "-1", "a=b", "", "get"] {
                expected["=\(value)"] = value
            }
            for (attached, value) in expected {
                try expect(setting.key, value, writtenAs: ["--\(setting.key)\(attached)"])
                guard let letter = setting.short else { continue }
                try expect(setting.key, value, writtenAs: ["-\(letter)\(attached)"])
            }
        }
        try expect("auth", "true", writtenAs: ["-sm=false"], and: ["mtls": "false"])
    }

    @Test("take their value in any place and spelling")
    func values() throws {
        let given = ["dir", "immudb-port"]
        for setting in ClientSettings.definition.settings
        where !setting.isSwitch && !given.contains(setting.key) {
            for value in ["7", "-7", "--dir", "-s", "a=b", "get"] {
                try expect(setting.key, value, writtenAs: ["--\(setting.key)", value])
                try expect(setting.key, value, writtenAs: ["--\(setting.key)=\(value)"])
                guard let letter = setting.short else { continue }
                try expect(setting.key, value, writtenAs: ["-\(letter)", value])
                try expect(setting.key, value, writtenAs: ["-\(letter)=\(value)"])
                try expect(setting.key, value, writtenAs: ["-\(letter)\(value)"])
            }
        }
    }

    /// Expects the flag's value with the flag at every position among the others.
    private func expect(
        _ key: String, _ value: String, writtenAs words: [String], and more: [String: String] = [:]
    ) throws {
        let expected = ["immudb-port": "9", "dir": "d", key: value].merging(more) { $1 }
        for position in 0...others.count {
            let arguments =
                others[..<position].flatMap(\.self) + words
                + others[position...].flatMap(\.self)
            let invocation = try Invocation<Immuclient>(arguments)
            #expect(invocation.flags == expected, "\(arguments)")
            guard case .run(let command as ZAddCommand) = invocation.action else {
                Issue.record("\(arguments) is another command")
                continue
            }
            #expect(
                [command.new.set, command.new.score, command.new.key] == ["set", "-1.5", "key"])
        }
    }
}
