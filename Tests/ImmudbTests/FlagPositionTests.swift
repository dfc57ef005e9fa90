import OwnThread
import ProgramKit
import Testing

@testable import immudb

@Suite("The flags of immudb", .ownThread)
struct FlagPositionTests {
    private let settings = ImmudbSettings.definition.settings
    /// The other flags on the command line, each with its value if that is a separate word.
    private let others = [["-a", "::1"], ["--no-histograms"], ["-p0"], ["-m"], ["--dir", "d"]]
    private let othersValues = [
        "address": "::1", "no-histograms": "true", "port": "0", "mtls": "true", "dir": "d",
    ]

    @Test("give a switch the value attached to it, in any place and spelling")
    func switches() throws {
        let switches = settings.filter(\.isSwitch)
        #expect(
            switches.map(\.key) == [
                "auth", "detached", "gateway", "gateway-strict", "mtls", "no-histograms",
            ])
        for setting in switches {
            var expected = ["": "true"]
            for value in ["false", "true", "maybe", "0", "-x", "a=b", "", "version"] {
                expected["=\(value)"] = value
            }
            for (attached, value) in expected {
                try expect(setting.key, value, writtenAs: ["--\(setting.key)\(attached)"])
                guard let letter = setting.short else { continue }
                try expect(setting.key, value, writtenAs: ["-\(letter)\(attached)"])
            }
        }
    }

    @Test("take their value in any place and spelling")
    func values() throws {
        for setting in settings where !setting.isSwitch {
            for value in ["7", "-7", "--dir", "-d", "a=b", "version"] {
                try expect(setting.key, value, writtenAs: ["--\(setting.key)", value])
                try expect(setting.key, value, writtenAs: ["--\(setting.key)=\(value)"])
                guard let letter = setting.short else { continue }
                try expect(setting.key, value, writtenAs: ["-\(letter)", value])
                try expect(setting.key, value, writtenAs: ["-\(letter)=\(value)"])
                try expect(setting.key, value, writtenAs: ["-\(letter)\(value)"])
            }
        }
    }

    @Test("combine as letters, of which the last one may have a value")
    func letters() throws {
        for position in 0...others.count {
            #expect(
                try flags(["-sd=false"], at: position, of: others)
                    == othersValues.merging(["auth": "true", "detached": "false"]) { $1 })
        }
    }

    /// Expects the flag's value with the flag at every position among the others, except for that
    /// of the same key.
    private func expect(_ key: String, _ value: String, writtenAs words: [String]) throws {
        let letter = settings.first { $0.key == key }?.short
        let around = others.filter { other in
            other[0] != "--\(key)" && other[0].dropFirst().first != letter
        }
        var expected = othersValues
        expected[key] = value
        for position in 0...around.count {
            let given = try flags(words, at: position, of: around)
            #expect(given == expected, "\(words) at \(position)")
        }
    }

    private func flags(
        _ words: [String], at position: Int, of others: [[String]]
    ) throws -> [String: String] {
        let arguments =
            others[..<position].flatMap(\.self) + words
            + others[position...].flatMap(\.self)
        let invocation = try Invocation<Immudb>(arguments)
        guard case .run(is Immudb) = invocation.action, invocation.configFile == nil else {
            Issue.record("\(arguments) is taken for a command")
            return [:]
        }
        return invocation.flags
    }
}
