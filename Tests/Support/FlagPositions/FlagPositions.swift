public import ProgramKit
import Testing

/// Command lines with a flag at every position among the other words, in every spelling.
public struct FlagPositions {
    private let settings: [any SettingDeclaration]
    private let others: [[String]]
    private let othersValues: [String: String]
    private let flags: ([String]) throws -> [String: String]?

    /// - Parameters:
    ///   - others: the words around a flag, each with its value if that is a separate word
    ///   - values: the values of the flags among them, by key
    ///   - flags: returns the flags of a command line; nil if it is not parsed as what it is
    public init(
        of definition: SettingsDefinition, among others: [[String]], values: [String: String],
        _ flags: @escaping ([String]) throws -> [String: String]?
    ) {
        settings = definition.settings
        self.others = others
        othersValues = values
        self.flags = flags
    }

    /// Expects each switch to have the value attached to it, and to be true without one.
    public func expectSwitches(_ keys: Set<String>, values: [String]) throws {
        let switches = settings.filter(\.isSwitch)
        #expect(Set(switches.map(\.key)) == keys)
        for setting in switches {
            for (attached, value) in [("", "true")] + values.map({ ("=\($0)", $0) }) {
                try expect([setting.key: value], writtenAs: ["--\(setting.key)\(attached)"])
                guard let letter = setting.short else { continue }
                try expect([setting.key: value], writtenAs: ["-\(letter)\(attached)"])
            }
        }
    }

    /// Expects each other flag to have its value, in the next word or attached.
    public func expectValues(_ values: [String]) throws {
        for setting in settings where !setting.isSwitch {
            let key = setting.key
            for value in values {
                try expect([key: value], writtenAs: ["--\(key)", value])
                try expect([key: value], writtenAs: ["--\(key)=\(value)"])
                guard let letter = setting.short else { continue }
                try expect([key: value], writtenAs: ["-\(letter)", value])
                try expect([key: value], writtenAs: ["-\(letter)=\(value)"])
                guard !value.isEmpty else { continue }
                try expect([key: value], writtenAs: ["-\(letter)\(value)"])
            }
        }
    }

    /// Expects values with the words at every position among the others, except for flags of the same keys.
    public func expect(_ values: [String: String], writtenAs words: [String]) throws {
        let around = others.filter { other in
            !settings.contains { setting in
                values[setting.key] != nil
                    && (other[0] == "--\(setting.key)"
                        || setting.short.map { other[0].hasPrefix("-\($0)") } == true)
            }
        }
        for position in 0...around.count {
            let line =
                around[..<position].flatMap(\.self) + words + around[position...].flatMap(\.self)
            #expect(try flags(line) == othersValues.merging(values) { $1 }, "\(line)")
        }
    }
}
