import ArgumentParser
import ChildProcess
import Foundation
import Testing

@testable import ProgramKit

/// A program with everything that is hard to express in roff.
private struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tool", abstract: "tool - keeps things.",
        discussion: """
            First paragraph, its \\n and 'words'.

            .dotted - not a command

            Variables:
              TOOL_DIR  the folder
              .TOOL
            """,
        subcommands: [Put.self, User.self, Hidden.self])

    @Option(name: .shortAndLong, help: ArgumentHelp("Host of the server.", valueName: "host"))
    var address = "::1"
    @Flag(help: "Tell more.") var verbose = false
    @Option(defaultAsFlag: "true", help: ArgumentHelp("Ask nothing.", valueName: "bool"))
    var quiet: String?
    @Option(help: .hidden) var secret: String?

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts a thing — ä.", aliases: ["p"])
        @Argument(help: "Where.") var place: String
        @Argument var things: [String] = []
    }

    struct User: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Users.", subcommands: [List.self])
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists them.")
    }

    struct Hidden: ParsableCommand {
        static let configuration = CommandConfiguration(shouldDisplay: false)
    }
}

@Suite("Man pages")
struct ManPagesTests {
    private let date = try? PageDate(environment: ["SOURCE_DATE_EPOCH": "0"])

    private func page(_ name: String) throws -> String {
        let examples = [
            "tool": [
                (command: "tool -a '::1'", what: "Asks this machine."),
                (command: ".tool", what: "Nonsense."),
            ]
        ]
        let pages = try ManPages.pages(of: Tool.self, examples: examples, date: #require(date))
        return try #require(pages.first { $0.fileName == name + ".1" }).text
    }

    @Test("exist for each command that is shown, named by its words, and for no hidden one")
    func names() throws {
        let pages = try ManPages.pages(of: Tool.self, examples: [:], date: #require(date))
        let names = Set(pages.map(\.fileName))
        #expect(names.isSuperset(of: ["tool.1", "tool-put.1", "tool-user.1", "tool-user-list.1"]))
        #expect(!names.contains { $0.contains("idden") })
    }

    @Test("have all sections in order for the program, with the text of its help")
    func program() throws {
        let text = try page("tool")
        let titles = text.split(separator: "\n").filter { $0.hasPrefix(".SH ") }
            .map { $0.dropFirst(4) }
        #expect(
            titles == [
                "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLE", "SEE ALSO", "HISTORY",
            ])
        #expect(text.hasPrefix(".TH \"tool\" \"1\" \"1970-01-01\" \"tool\" \"User Commands\"\n"))
        for part in [
            "\ntool \\- keeps things.\n", "\\fBtool\\fR [\\fIflags\\fR]\n",
            "First paragraph, its \\en and \\(aqwords\\(aq.\n.PP\n\\&.dotted \\- not a command\n",
            ".RS 4\n.nf\nTOOL_DIR  the folder\n\\&.TOOL\n.fi\n.RE\n",
            ".TP\n\\fB\\-a\\fR, \\fB\\-\\-address\\fR=\\fIhost\\fR\nHost of the server. (default: ::1)",
            ".TP\n\\fB\\-\\-quiet\\fR[=\\fIbool\\fR]\nAsk nothing.\n",
            ".TP\n\\fB\\-\\-verbose\\fR\nTell more.\n", "\ntool \\-a \\(aq::1\\(aq\n",
            "\n\\&.tool\n",
            ".BR tool\\-put (1),\n.BR tool\\-user (1)",
            "Made on 1970\\-01\\-01 by \\fBtool mangen\\fR.",
        ] {
            #expect(text.contains(part), "\(part) is not in \(text)")
        }
        #expect(!text.contains("secret"))
    }

    @Test("have the words and aliases of a command, and a reference to the page above")
    func command() throws {
        let text = try page("tool-put")
        for part in [
            "\ntool\\-put \\- Puts a thing \\[u2014] \\[u00E4].\n",
            "\\fBtool put\\fR [\\fIflags\\fR] \\fIplace\\fR [\\fIthings\\fR ...]\n",
            "also called p.\n", ".TP\n\\fIplace\\fR\nWhere.\n", ".SH SEE ALSO\n.BR tool (1)\n",
        ] {
            #expect(text.contains(part), "\(part) is not in \(text)")
        }
        #expect(!text.contains(".SH EXAMPLE"))
        #expect(try page("tool-user-list").contains(".SH SEE ALSO\n.BR tool\\-user (1)\n"))
    }

    @Test("contain only commands of roff that are intended")
    func commands() throws {
        let known = ["TH", "SH", "TP", "PP", "IP", "RS", "RE", "nf", "fi", "br", "BR"]
        for page in try ManPages.pages(of: Tool.self, examples: [:], date: #require(date)) {
            for line in page.text.split(separator: "\n") where line.hasPrefix(".") {
                #expect(known.contains { line.dropFirst().hasPrefix($0) }, "\(line)")
            }
            #expect(!page.text.contains("\n'"))
            #expect(page.text.utf8.allSatisfy { $0 < 0x7f })
        }
    }

    @Test("break long text between words, and no line becomes a command by that")
    func filling() {
        let lines = Roff.filled("aaa .bb  'c " + String(repeating: "-", count: 9), width: 4)
        #expect(lines == ["aaa", "\\&.bb", "\\(aqc", String(repeating: "\\-", count: 9)])
        #expect(Roff.filled("a b c", width: 3) == ["a b", "c"])
        #expect(Roff.filled("  ").isEmpty)
    }

    @Test(
        "pass the checker without a warning", .enabled(if: ManPagesTests.hasMandoc))
    func lint() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("man-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let paths = try ManPages.write(
            of: Tool.self, examples: ["tool": [(command: ".tool", what: ".What?")]], to: folder)
        let said = Pipe()
        let writing = said.fileHandleForWriting
        let lint = try ChildProcess(
            Self.mandoc, ["-Tlint", "-Wwarning"] + paths,
            environment: ProcessInfo.processInfo.environment,
            streams: ChildProcess.Streams(
                output: writing.fileDescriptor, errors: writing.fileDescriptor))
        try writing.close()
        let text = String(
            decoding: try said.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(text.isEmpty)
        #expect(lint.waitUntilEnd() == .exited(0))
    }

    private static let mandoc = "/usr/bin/mandoc"
    private static let hasMandoc = FileManager.default.isExecutableFile(atPath: mandoc)

    @Test("are written into a folder that is created with its parents, and report where")
    func writing() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("man-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let paths = try ManPages.write(of: Tool.self, examples: [:], to: folder + "/a/b/")
        #expect(paths.contains(folder + "/a/b/tool-put.1"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder + "/a/b").count
                == paths.count)
        try Data().write(to: URL(fileURLWithPath: folder + "/file"))
        let error = #expect(throws: ManPagesError.self) {
            _ = try ManPages.write(of: Tool.self, examples: [:], to: folder + "/file")
        }
        #expect(error?.message.hasPrefix("cannot write the man page \(folder)/file/") == true)
        #expect(throws: ManPagesError.self) {
            _ = try ManPages.write(of: Tool.self, examples: [:], to: "")
        }
    }

    @Test("refuse an example of an unknown command")
    func unknownExample() throws {
        let error = #expect(throws: ManPagesError.self) {
            _ = try ManPages.pages(
                of: Tool.self, examples: ["tool get": []], date: #require(date))
        }
        #expect(error?.message.contains("\"tool get\"") == true)
    }

    @Test(
        "have the date of SOURCE_DATE_EPOCH, and refuse an invalid one",
        arguments: [
            ("0", "1970-01-01"), ("1764093600", "2025-11-25"), ("253402300799", "9999-12-31"),
            ("", "2001-09-09"), ("x", nil), ("-1", nil), ("1764093600000", nil), ("1e9", nil),
        ])
    func dates(given: String, expected: String?) {
        let now = Date(timeIntervalSince1970: 1_000_000_000)
        let date = try? PageDate(environment: ["SOURCE_DATE_EPOCH": given], now: now)
        #expect(date?.text == expected)
    }
}
