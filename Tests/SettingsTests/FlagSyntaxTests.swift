import Testing

@testable import Settings

@Suite("Syntax of flags")
struct FlagSyntaxTests {
    private let syntax = FlagSyntax(Sample.definition.settings, and: [.init("config")])

    @Test(
        "every way to write a flag is rewritten to one",
        arguments: [
            (["--port", "1"], ["--port=1"]), (["--port=1"], ["--port=1"]),
            (["--port="], ["--port", ""]), (["--dir", "a=b"], ["--dir=a=b"]),
            (["--dir=a=b"], ["--dir=a=b"]), (["-p", "1"], ["--port=1"]),
            (["-p1"], ["--port=1"]), (["-p=1"], ["--port=1"]), (["-p", "-1"], ["--port=-1"]),
            (["--detached"], ["--detached=true"]), (["--detached=false"], ["--detached=false"]),
            (["--detached", "false"], ["--detached=true", "false"]), (["-d"], ["--detached=true"]),
            (["-d=false"], ["--detached=false"]), (["-qd"], ["--quiet=true", "--detached=true"]),
            (["-dp", "1"], ["--detached=true", "--port=1"]),
            (["-dp1"], ["--detached=true", "--port=1"]),
            (["-dq=false"], ["--detached=true", "--quiet=false"]),
            (["version", "-p", "1"], ["version", "--port=1"]), (["--config", "x"], ["--config=x"]),
            (["-h"], ["--help"]), (["-dh"], ["--detached=true", "--help"]),
            (["--help"], ["--help"]),
            (["-d", "--", "-p", "--x"], ["--detached=true", "--", "-p", "--x"]), (["-"], ["-"]),
            ([], []), ([""], [""]),
        ])
    func rewriting(arguments: [String], expected: [String]) throws {
        #expect(try syntax.rewritten(arguments) == expected)
    }

    @Test(
        "a wrong flag is named",
        arguments: [
            (["--x"], "unknown flag: --x"), (["--x=1"], "unknown flag: --x"),
            (["-x"], "unknown shorthand flag: 'x' in -x"),
            (["-dx"], "unknown shorthand flag: 'x' in -dx"),
            (["--port"], "flag needs an argument: --port"),
            (["-dp"], "flag needs an argument: 'p' in -dp"), (["--=1"], "bad flag syntax: --=1"),
            (["--help=1"], "flag --help takes no value"),
        ])
    func errors(arguments: [String], message: String) {
        #expect(throws: SettingsError(message)) { _ = try syntax.rewritten(arguments) }
    }
}
