import OwnThread
import ProgramKit
import Testing

@testable import immugw

@Suite("The flags of immugw", .ownThread)
struct FlagPositionTests {
    private let settings = ImmugwSettings.definition.settings
    /// What stands around the flag: each a flag, with its value if that is a word of its own.
    private let others = [["-a", "::1"], ["--strict"], ["-p0"], ["-m"], ["--dir", "d"]]
    private let othersValues = [
        "address": "::1", "strict": "true", "port": "0", "mtls": "true", "dir": "d",
    ]

    @Test("give a switch the value attached to it, in any place and spelling")
    func switches() throws {
        let switches = settings.filter(\.isSwitch)
        #expect(switches.map(\.key) == ["detached", "mtls", "strict"])
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

    @Test("have the letters of immugw 0.6")
    func letters() {
        let letters = settings.compactMap { setting in setting.short.map { "\($0) \(setting.key)" }
        }
        #expect(
            letters == [
                "a address", "d detached", "k immudb-address", "j immudb-port", "m mtls", "p port",
            ])
    }

    /// At every position among the others, of which the flag of that key is left out.
    private func expect(_ key: String, _ value: String, writtenAs words: [String]) throws {
        let letter = settings.first { $0.key == key }?.short
        let around = others.filter { other in
            other[0] != "--\(key)" && other[0].dropFirst().first != letter
        }
        var expected = othersValues
        expected[key] = value
        for position in 0...around.count {
            let arguments =
                around[..<position].flatMap(\.self) + words + around[position...].flatMap(\.self)
            let invocation = try Invocation<Immugw>(arguments)
            guard case .run(is Immugw) = invocation.action, invocation.configFile == nil else {
                Issue.record("\(arguments) is taken for a command")
                continue
            }
            #expect(invocation.flags == expected, "\(words) at \(position)")
        }
    }
}
