import Testing

@testable import ProgramKit

@Suite("Syntax of flags")
struct FlagSyntaxTests {
    private let syntax = FlagSyntax(Sample.definition.settings)

    @Test(
        "accepts every way to write a flag",
        arguments: [
            (["--port", "1"], ["port": "1"]), (["--port=1"], ["port": "1"]),
            (["--port="], ["port": ""]), (["--port", ""], ["port": ""]),
            (["--dir", "a=b"], ["dir": "a=b"]), (["--dir=a=b"], ["dir": "a=b"]),
            (["-p", "1"], ["port": "1"]), (["-p1"], ["port": "1"]), (["-p=1"], ["port": "1"]),
            (["-p", "-1"], ["port": "-1"]), (["-p", "-d"], ["port": "-d"]),
            (["--detached"], ["detached": "true"]), (["--detached=false"], ["detached": "false"]),
            (["-d"], ["detached": "true"]), (["-d=false"], ["detached": "false"]),
            (["-d="], ["detached": ""]), (["-qd"], ["quiet": "true", "detached": "true"]),
            (["-dp", "1"], ["detached": "true", "port": "1"]),
            (["-dp1"], ["detached": "true", "port": "1"]),
            (["-dq=false"], ["detached": "true", "quiet": "false"]),
            (["-d=false", "--quiet"], ["detached": "false", "quiet": "true"]),
            (["-p1", "--port", "2"], ["port": "2"]), (["-nan"], ["name": "an"]), ([], [:]),
        ])
    func flags(arguments: [String], expected: [String: String]) throws {
        let words = try syntax.words(of: arguments)
        #expect(words.flags == expected)
        #expect(words.words.isEmpty && words.configFile == nil && !words.asksForHelp)
    }

    @Test(
        "takes other arguments as words: negative numbers, too, and all that follows --",
        arguments: [
            (["--detached", "false"], ["false"]), (["version", "-p", "1", "x"], ["version", "x"]),
            (["-1"], ["-1"]), (["-1.5", "-q", "-.5", "-inf"], ["-1.5", "-.5", "-inf"]),
            (["-d", "--", "-p", "--x", "--"], ["-p", "--x", "--"]), (["-"], ["-"]), ([""], [""]),
        ])
    func words(arguments: [String], expected: [String]) throws {
        #expect(try syntax.words(of: arguments).words == expected)
    }

    @Test("includes the config file and help for every program")
    func common() throws {
        for arguments in [["--config", "x"], ["--config=x"], ["--config", "y", "--config", "x"]] {
            #expect(try syntax.words(of: arguments).configFile == "x")
        }
        for arguments in [["--help"], ["-h"], ["-dh"], ["version", "-h"]] {
            #expect(try syntax.words(of: arguments).asksForHelp)
        }
        for arguments in [["--version"], ["-V"], ["-dV"], ["word", "-V"]] {
            #expect(try syntax.words(of: arguments).asksForVersion)
        }
    }

    @Test(
        "names a wrong flag",
        arguments: [
            (["--x"], "unknown flag: --x"), (["--x=1"], "unknown flag: --x"),
            (["-x"], "unknown shorthand flag: 'x' in -x"),
            (["-dx"], "unknown shorthand flag: 'x' in -dx"),
            (["--port"], "flag needs an argument: --port"),
            (["-dp"], "flag needs an argument: 'p' in -dp"), (["--=1"], "bad flag syntax: --=1"),
            (["--help=1"], "flag --help takes no value"),
            (["--version=1"], "flag --version takes no value"),
        ])
    func errors(arguments: [String], message: String) {
        #expect(throws: SettingsError(message)) { _ = try syntax.words(of: arguments) }
    }

    @Test(
        "suggests the nearest flag for an unknown one",
        arguments: [
            ("--prot", "--port"), ("--detachd", "--detached"), ("--conf", "--config"),
            ("-dir", "--dir"), ("-dir=x", "--dir"), ("--hlep", "--help"), ("--elephant", nil),
        ])
    func suggestions(argument: String, suggestion: String?) {
        let error = #expect(throws: SettingsError.self) { try syntax.words(of: [argument]) }
        #expect(error?.suggestion == suggestion)
    }
}
