import Foundation
import TestTools
import Testing

@testable import ProgramKit

@Suite("Config files")
struct ConfigFileTests {
    @Test(
        "mean the same in every format",
        arguments: [
            (
                "a.toml",
                "# c\nport = 7 # c\ndir = \"d e\"\ndetached = true\nmode = 'fast'\nlogfile = \"\""
            ),
            ("a.yaml", "# c\nport: 7 # c\ndir: d e\ndetached: true\nmode: fast\nlogfile: ''"),
            ("a.yml", "---\n{port: 7, dir: d e, detached: yes, mode: fast}\n"),
            ("a.json", #"{"port": 7, "dir": "d e", "detached": true, "mode": "fast"}"#),
            (
                "a.ini",
                "; c\n# c\n\nport=7\ndir = d e ; c\r\ndetached = true\nmode = 'fast'\nlogfile="
            ),
            ("a.env", "export PORT=7\nSAMPLE_DIR=\"d e\" # c\nSAMPLE_DETACHED=1\nmode=fast"),
            ("a.dotenv", "PORT=7\nDIR=d e\nDETACHED=true\nMODE=fast"),
            ("a.properties", "! c\nport = 7\ndir = d e\ndetached = true\nmode = fast"),
            ("a.props", "port = 7\ndir = d e\ndetached = true\nmode = fast"),
            ("a.prop", "port = 7\ndir = d e\ndetached = true\nmode = fast"),
            ("a.toml.dist", "\u{feff}PORT = 7\nDir = \"d e\"\ndetached = true\nmode = \"fast\""),
        ])
    func formats(name: String, text: String) throws {
        let values = try Sample.values(file: Sample.file(name, text))
        #expect(values[Sample.port] == 7)
        #expect(values[Sample.dir] == "d e")
        #expect(values[Sample.detached])
        #expect(values[Sample.mode] == .fast)
        #expect(values[Sample.log] == "")
    }

    @Test(
        "set nothing if they are empty",
        arguments: [
            ("a.toml", ""), ("a.yaml", "# nothing\n"), ("a.json", "{}"), ("a.ini", "\n\n"),
            ("a.env", ""),
        ])
    func empty(name: String, text: String) throws {
        #expect(try Sample.file(name, text).items.isEmpty)
    }

    @Test(
        "are refused for an unknown key, with file, key, the known ones, and the line if known",
        arguments: [
            ("a.toml", "prt = 1", ""), ("a.toml", "server.port = 1", ""),
            ("a.yaml", "port: 1\nprt: 2", ", line 2"),
            ("a.json", "{\n\"port\": 1,\n\"prt\"\n: 1}", ", line 3"),
            ("a.ini", "\nprt = 1", ", line 2"), ("a.env", "SAMPLE_PRT=1", ", line 1"),
            ("a.ini", "SAMPLE_PORT = 1", ", line 1"),
        ])
    func unknownKeys(name: String, text: String, line: String) throws {
        let complaint = try Sample.complaint(name, text)
        #expect(complaint.contains("/\(name)\(line), key \""))
        #expect(complaint.contains("is unknown: the keys are dir, logfile,"))
    }

    @Test(
        "are refused for a wrong type or range, with file, key, value and what is right",
        arguments: [
            ("a.toml", "port = \"7\"", "key \"port\" is the text \"7\": give a whole number"),
            ("a.toml", "port = 65536", "is the number 65536: give"),
            ("a.toml", "port = 1.5", "is a number with a fraction: give"),
            ("a.toml", "dir = 1", "is the number 1: give a folder"),
            ("a.toml", "dir = [\"a\"]", "is a list: give a folder"),
            ("a.toml", "\nport = [}", "line 2, key \"port\" is a list: give a whole number"),
            ("a.toml", "port =\u{2003}{", "line 1, key \"port\" is a table: give a whole"),
            ("a.toml", "port = 2026-01-01", "is a time: give"),
            ("a.toml", "detached = 1", "is the number 1: give true or false"),
            ("a.toml", "detached = \"true\"", "is the text \"true\": give true or false"),
            ("a.yaml", "dir:\nport: x", "line 1, key \"dir\" is nothing: give a folder"),
            ("a.yaml", "port: x", "line 1, key \"port\" is the text \"x\": give"),
            ("a.yaml", "name: 2024", "is the number 2024: give"),
            ("a.yaml", "mode: {a: b}", "is a mapping: give fast"),
            ("a.yaml", "port: 99999999999999999999", "is the number 99999999999999999999: give"),
            ("a.yaml", "port: 0x10", "is the number 0x10: give a whole number"),
            ("a.yaml", "port: 0o20", "0o20"),
            ("a.yaml", "port: 1_000", "is the number 1_000: give"),
            ("a.yaml", "port: +16", "is the number +16: give"),
            ("a.yaml", "port: 1:30", "is the number 1:30: give"),
            ("a.toml", "port = 0x10", "is the number 0x10: give a whole number"),
            ("a.toml", "port = 0o20", "is the number 0o20: give"),
            ("a.toml", "port = 0b11", "is the number 0b11: give"),
            ("a.ini", "port = +3", "is \"+3\": give"),
            ("a.yaml", "dir: 2026-01-01", "give a folder"),
            ("a.json", #"{"port": true}"#, "is true: give"),
            ("a.json", #"{"port": 1.5}"#, "is a number with a fraction: give"),
            ("a.json", #"{"detached": 1}"#, "is the number 1: give"),
            ("a.json", #"{"detached": null}"#, "is null: give"),
            ("a.json", #"{"dir": {}}"#, "is an object or a list: give"),
            ("a.json", #"{"mode": "quick"}"#, "is the text \"quick\": give fast, safe or slow"),
        ])
    func wrongValues(name: String, text: String, said: String) throws {
        let complaint = try Sample.complaint(name, text)
        #expect(complaint.contains("/\(name)"))
        #expect(complaint.contains(said), "\(complaint)")
    }

    @Test(
        "are refused if they are not of their format, with file, reason, and the line if known",
        arguments: [
            ("a.toml", "port = 1\nport", "line 2: not TOML"),
            ("a.toml", "port = 1\nport = 2", "line 2: not TOML"),
            ("a.toml", "\n [server]\nport = 1", "line 2: tables such as [server]"),
            ("a.toml", "[=", "line 1: tables such as [="),
            (
                "a.toml", "port = 1\ndir = 1979-05-27Tp7:32:00",
                "line 2: not TOML: a date without its time"
            ),
            ("a.yaml", "port: 1\nport: 2", "line 2, key \"port\" is given twice"),
            ("a.yaml", "dir: port\nport: 1\n# port: 3\n\"port\" : 2", "line 4, key \"port\" is"),
            ("a.yaml", "{port: 1,\n  port: 2}", "line 2, key \"port\" is given twice"),
            ("a.yaml", "port: 1\nPort: 2", "line 2, key \"Port\" is given twice"),
            ("a.json", "{\"port\": 1,\n\"port\": 2}", "line 2, key \"port\" is given twice"),
            (
                "a.json", #"{"port": {"port": 1}, "por\u0074": 2}"#,
                "line 1, key \"port\" is "
            ),
            ("a.json", #"{"dir": "\"port\":", "port": 2, "p\u006frt": 3}"#, "is given twice"),
            ("a.yaml", "port: [1", "not YAML"), ("a.yaml", "- 1\n- 2", "not lines of"),
            ("a.yaml", "just text", "not lines of"), ("a.yaml", "port: 1\n\tx: 2", "not YAML"),
            ("a.json", "{\"port\": 1,", "not JSON: Unexpected end of file"),
            ("a.json", "", "not JSON"),
            ("a.json", "[1]", "not one JSON object"), ("a.json", "7", "not one JSON object"),
            ("a.ini", "[server]\nport=1", "line 1: sections such as [server]"),
            ("a.ini", "port", "line 1: \"port\" is not key=value"),
            ("a.ini", "port=1\nport=2", "line 2, key \"port\" is given twice"),
            ("a.ini", "= 1", "line 1: \"\" is not a key"), ("a.ini", "a b = 1", "\"a b\" is not a key"),
            ("a.env", "dir=\"x", "line 1: the quote \" is not closed"),
            ("a.env", "dir='x' y", "text after the closing quote: y"),
            ("a.env", #"dir="a\q""#, #"\q means nothing"#),
            (
                "a.env", "MESSAGE_LIMIT=1\nmessage-limit=1",
                "line 2, key \"message-limit\" is given twice"
            ),
            ("a.toml", "port = 1\0", "is not UTF-8 text"),
        ])
    func broken(name: String, text: String, said: String) throws {
        let complaint = try Sample.complaint(name, text)
        #expect(complaint.contains("config file /") && complaint.contains("/\(name)"))
        #expect(complaint.contains(said), "\(complaint)")
        #expect(!complaint.contains("Error("), "a type's name leaks: \(complaint)")
    }

    @Test("keep within quotes what a blank or a comment would end; escapes are those of double quotes")
    func quotes() throws {
        let file = try Sample.file(
            "a.ini", #"dir = "a\"b\\c # d""# + "\nlogfile = ' x\\n;'\nname = a#b")
        #expect(
            file.items.map(\.value) == [
                .untyped(#"a"b\c # d"#), .untyped(" x\\n;"), .untyped("a#b"),
            ])
    }

    @Test("are read as properties like in Java")
    func properties() throws {
        let text = #"""
            # c
              ! c
            port : 3371
            dir=C:\\data\u0020x\
                 \ttail # no comment
            logfile   a b\=c
            na\u006de:x
            mode\
             = fast
            """#
        for name in ["a.properties", "a.props", "a.prop"] {
            let file = try Sample.file(name, text)
            #expect(file.items.map(\.key) == ["port", "dir", "logfile", "name", "mode"])
            #expect(
                file.items.map(\.value) == [
                    .untyped("3371"), .untyped("C:\\data x\ttail # no comment"), .untyped("a b=c"),
                    .untyped("x"), .untyped("fast"),
                ])
            #expect(file.items.map(\.line) == [3, 4, 6, 7, 8])
        }
    }

    @Test(
        "are refused as properties, with the line, if they are not or hardly can be meant so",
        arguments: [
            ("port", "line 1, key \"port\" is \"\": give"), ("dir = \\u00g0", "line 1: \\u"),
            ("\ndir = \\ud800", "line 2: \\u"), ("dir = \\u12", "line 1: \\u"),
            ("= x", "line 1: a line without a key"), ("[a]", "line 1: sections"),
            ("dir = \"x\"", "line 1: quotes"),
            ("port=1\n\nport 2", "line 3, key \"port\" is given"),
        ])
    func brokenProperties(text: String, said: String) throws {
        let complaint = try Sample.complaint("a.properties", text)
        #expect(complaint.contains(said), "\(complaint)")
    }

    @Test("cause a warning for a withdrawn key")
    func withdrawn() throws {
        let values = try Sample.values(file: Sample.file("a.toml", "network = \"tcp\""))
        #expect(values.warnings.count == 1)
        #expect(values.warnings[0].contains("key \"network\" has no effect any more"))
    }

    @Test("are refused by name if they cannot be read, or are of no known kind")
    func unreadable() throws {
        let folder = TemporaryFolder()
        let large = try folder.write("large.ini", String(repeating: "#", count: 1 << 21))
        try Data([0x61, 0x3d, 0xff]).write(to: URL(fileURLWithPath: folder.path + "/bytes.ini"))
        let files = [
            ("\(folder.path)/none.toml", "No such file"), (folder.path + "/", "not known"),
            ("\(folder.path)/a.hcl", "HCL is not read"), ("\(folder.path)/toml", "not known"),
            ("\(folder.path)/a.txt", "ends in .json, .toml"), (large, "larger than"),
            ("\(folder.path)/bytes.ini", "not UTF-8"),
        ]
        for (path, reason) in files {
            let error = try #require(throws: SettingsError.self) { _ = try ConfigFile.read(path) }
            #expect(error.message.hasPrefix("config file \(path)"))
            #expect(error.message.contains(reason))
        }
        try FileManager.default.createDirectory(
            atPath: folder.path + "/dir.toml", withIntermediateDirectories: false)
        let error = try #require(throws: SettingsError.self) {
            _ = try ConfigFile.read(folder.path + "/dir.toml")
        }
        #expect(error.message.contains("Is a directory"))
    }

    @Test(
        "are searched by folder, then by kind, without HCL, and may be absent"
    )
    func search() throws {
        let (go, system, home) = (
            TemporaryFolder(), TemporaryFolder(), TemporaryFolder()
        )
        let environment = ["GOPATH": go.path, "HOME": home.path]
        func found() throws -> String? {
            try ConfigFileSearch(
                nil, orFoundFor: "sample", environment: environment, systemFolder: system.path
            ).file?.path
        }
        #expect(try found() == nil)
        _ = try home.write("sample.hcl", "port = 1")
        #expect(try found() == nil)
        let inHome = try home.write("sample.ini", "port = 1")
        #expect(try found() == inHome)
        let inSystem = try system.write("sample.env", "PORT=1")
        #expect(try found() == inSystem)
        let json = try system.write("sample.json", "{}")
        #expect(try found() == json)
        try FileManager.default.createDirectory(
            atPath: go.path + "/src/configs", withIntermediateDirectories: true)
        let inGo = try go.write("src/configs/sample.toml", "")
        #expect(try found() == inGo)
        _ = try go.write("src/configs/sample.toml", "port =")
        #expect(throws: SettingsError.self) { _ = try found() }
        let named = try ConfigFileSearch(
            inHome, orFoundFor: "sample", environment: environment, systemFolder: system.path)
        #expect(named.file?.path == inHome)
    }

    @Test("are refused by name if the found one is a folder, or a broken link")
    func unusable() throws {
        let system = TemporaryFolder()
        let path = system.path + "/sample.toml"
        func complaint() throws -> String {
            try #require(throws: SettingsError.self) {
                _ = try ConfigFileSearch(
                    nil, orFoundFor: "sample", environment: [:], systemFolder: system.path)
            }.message
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false)
        #expect(try complaint() == "config file \(path) cannot be read: Is a directory")
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(
            atPath: path, withDestinationPath: "/none/at/all")
        #expect(try complaint() == "config file \(path) cannot be read: No such file or directory")
    }

    @Test("crash no parser, whatever bytes they have")
    func hostile() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        let pieces = [
            "port", "=", ":", "1", "\"", "'", "\\", "\n", "[", "]", "{", "}", ",", "#", " ", "- ",
            "&a", "*a", "<<", "!!int ", "é", "\u{2028}", "1e999", "true", "\"\"\"", "\t", "---\n",
            "? ", "|", "+", "-", ".", "_", "0x", "0b1", "inf", "nan", "1979-05-27", "T07:32:00",
            "Z",
            "\r", "\u{b}", "\\u0020", "\\uqqqq", "\\\n", "\u{85}", "\u{7f}", "a = [}", "a = {",
            "a =\u{2003}[}",
        ]
        for name in ["a.toml", "a.yaml", "a.json", "a.ini", "a.env", "a.properties"] {
            let folder = TemporaryFolder()
            for _ in 0..<500 {
                let count = Int.random(in: 0..<40, using: &random)
                let text = (0..<count).compactMap { _ in pieces.randomElement(using: &random) }
                let path = try folder.write(name, text.joined())
                do {
                    _ = try Sample.values(file: ConfigFile.read(path))
                } catch let error as SettingsError {
                    #expect(error.message.contains(path), "seed \(seed)")
                }
            }
            for nesting in ["[", "{\"a\":", "a = {", "- "] {
                let path = try folder.write(name, String(repeating: nesting, count: 50_000))
                #expect(throws: SettingsError.self, "seed \(seed)") {
                    _ = try Sample.values(file: ConfigFile.read(path))
                }
            }
        }
    }
}
