import Testing

@testable import ProgramKit

@Suite("Precedence of settings")
struct PrecedenceTests {
    @Test("gives the defaults, without warnings, if nothing is set")
    func defaults() throws {
        let values = try Sample.values()
        #expect(values[Sample.port] == 3322)
        #expect(values[Sample.mode] == .safe)
        #expect(values.source(of: Sample.port) == nil)
        #expect(values.warnings.isEmpty)
        #expect(values.filePath == nil)
    }

    @Test("prefers a flag to the environment, that to the file, and that to the default")
    func order() throws {
        let file = try Sample.file(
            "sample.toml", "port = 1\nmessage-limit = 2\ndir = \"file\"")
        let environment = ["SAMPLE_PORT": "11", "SAMPLE_MESSAGE_LIMIT": "12"]
        let values = try Sample.values(
            flags: ["port": "21"], environment: environment, file: file)
        #expect(values[Sample.port] == 21)
        #expect(values[Sample.limit] == 12)
        #expect(values[Sample.dir] == "file")
        #expect(values[Sample.name] == "x")
        #expect(values.source(of: Sample.port) == .flag("port"))
        #expect(values.source(of: Sample.limit) == .variable("SAMPLE_MESSAGE_LIMIT"))
        #expect(values.filePath == file.path)
    }

    @Test("lets a flag turn off what the environment turns on")
    func offWins() throws {
        let values = try Sample.values(
            flags: ["detached": "false"], environment: ["SAMPLE_DETACHED": "true"])
        #expect(values[Sample.detached] == false)
    }

    @Test("reads variables with hyphens or underscores, and ignores empty ones")
    func variableNames() throws {
        for name in ["SAMPLE_MESSAGE-LIMIT", "SAMPLE_MESSAGE_LIMIT"] {
            #expect(try Sample.values(environment: [name: "7"])[Sample.limit] == 7)
        }
        let empty = try Sample.values(environment: [
            "SAMPLE_PORT": "", "PORT": "1", "sample_port": "2",
        ])
        #expect(empty[Sample.port] == 3322)
        #expect(empty.warnings.isEmpty)
    }

    @Test("refuses one setting in two spellings that differ")
    func twoSpellings() throws {
        var environment = ["SAMPLE_MESSAGE-LIMIT": "7", "SAMPLE_MESSAGE_LIMIT": "7"]
        #expect(try Sample.values(environment: environment)[Sample.limit] == 7)
        environment["SAMPLE_MESSAGE_LIMIT"] = "8"
        let error = try #require(throws: SettingsError.self) {
            _ = try Sample.values(environment: environment)
        }
        #expect(error.message.contains("SAMPLE_MESSAGE-LIMIT and SAMPLE_MESSAGE_LIMIT"))
    }

    @Test("warns of an unknown or withdrawn variable by name")
    func unknownVariables() throws {
        let values = try Sample.values(environment: ["SAMPLE_PRT": "1", "SAMPLE_NETWORK": "tcp"])
        #expect(values.warnings.count == 2)
        #expect(values.warnings[0].contains("SAMPLE_NETWORK has no effect any more"))
        #expect(values.warnings[1].contains("SAMPLE_PRT is not a setting of sample"))
    }

    @Test(
        "ignores a service link of Kubernetes with a warning, but no other text"
    )
    func serviceLinks() throws {
        let link = ["SAMPLE_PORT": "tcp://10.0.0.7:3322"]
        let values = try Sample.values(environment: link)
        #expect(values[Sample.port] == 3322)
        #expect(values.warnings.count == 1)
        #expect(
            values.warnings[0].contains("SAMPLE_PORT is tcp://10.0.0.7:3322, which Kubernetes sets")
        )
    }

    @Test("takes a flag before it reads the variable, of which no value is an error or a warning")
    func unreadVariables() throws {
        for value in ["tcp://10.0.0.7:3322", "many"] {
            let values = try Sample.values(
                flags: ["port": "7"], environment: ["SAMPLE_PORT": value])
            #expect(values[Sample.port] == 7)
            #expect(values.warnings.isEmpty)
        }
        let spellings = ["SAMPLE_MESSAGE-LIMIT": "7", "SAMPLE_MESSAGE_LIMIT": "8"]
        let values = try Sample.values(flags: ["message-limit": "9"], environment: spellings)
        #expect(values[Sample.limit] == 9)
    }

    @Test(
        "refuses a bad value with its source, the value and what is right",
        arguments: [
            ("port", "many", "a whole number from 0 to 65535"), ("port", "65536", "65535"),
            ("port", "-1", "from 0"), ("port", "1.5", "whole"), ("port", "0x10", "whole"),
            ("port", "+3356", "whole"), ("port", "٣", "whole"),
            ("port", "99999999999999999999", "whole"),
            ("message-limit", "0", "from 1 to 1000"), ("detached", "yes", "true or false"),
            ("mode", "Fast", "fast, safe or slow"), ("name", "a/b", "without slashes"),
            ("name", "..", "without slashes"), ("dir", "", "a folder"),
        ])
    func badValues(key: String, value: String, expectation: String) throws {
        let flag = try #require(throws: SettingsError.self) {
            _ = try Sample.values(flags: [key: value])
        }
        #expect(flag.message.hasPrefix("flag --\(key) is \"\(value)\": give "))
        #expect(flag.message.contains(expectation))
        guard !value.isEmpty else { return }
        let name = "SAMPLE_\(key.uppercased())"
        let variable = try #require(throws: SettingsError.self) {
            // Also if a flag overrides another setting.
            let other = key == "port" ? "name" : "port"
            _ = try Sample.values(flags: [other: "1"], environment: [name: value])
        }
        #expect(variable.message.hasPrefix("environment variable \(name) is \"\(value)\": give "))
        let line = try Sample.complaint("bad.ini", "\n\(key) = \(value)\n")
        #expect(line.contains("bad.ini, line 2, key \"\(key)\" is \"\(value)\": give "))
    }

    @Test(
        "refuses characters around a number, and shows control characters as such")
    func characters() throws {
        let blank = SettingsError("flag --port is \"1 \": give a whole number from 0 to 65535")
        #expect(throws: blank) { _ = try Sample.values(flags: ["port": "1 "]) }
        let name = SettingsError(
            #"flag --name is "a\n\u{1B}b": give a folder: a name without slashes and control "#
                + "characters")
        #expect(throws: name) { _ = try Sample.values(flags: ["name": "a\n\u{1b}b"]) }
    }

    @Test("reads booleans as words in any case", arguments: ["true", "T", "1", "TRUE"])
    func booleans(word: String) throws {
        #expect(try Sample.values(flags: ["detached": word])[Sample.detached])
    }
}
