import Foundation
import Testing

@testable import Terminal

@Suite("Prompts", .serialized, .timeLimit(.minutes(1)))
struct PromptTests {
    @Test(
        "read a password from a line of a pipe, and leave the rest for the next reader",
        arguments: [
            ("secret\nnext\n", "secret"), ("secret\r\nnext\n", "secret"), ("\nnext\n", ""),
            (" p ä\\\nnext\n", " p ä\\"),
        ])
    func passwordFromPipe(lines: String, expected: String) throws {
        let script = try Script(lines)
        let first = try script.run { try Prompt.password("Password:", through: $0) }
        #expect(first == expected)
        #expect(script.prompts == "Password:\n")
        let second = try script.run { try Prompt.password("Again:", through: $0) }
        #expect(second == "next")
        #expect(throws: TerminalError.self) {
            _ = try script.run { try Prompt.password("And again:", through: $0) }
        }
    }

    @Test("accept a password at the end of the input without a line end")
    func lastLine() throws {
        let answer = try Script("secret").run { try Prompt.password("", through: $0) }
        #expect(answer == "secret")
    }

    @Test("refuse a missing password, one that is not text, and one that is too long")
    func noPassword() throws {
        let said: [([UInt8], String)] = [
            ([], "the input ended"), ([0xff, 0x0a], "not UTF-8 text"),
            ([UInt8](repeating: 0x61, count: 4097), "longer than 4096 bytes"),
        ]
        for (bytes, text) in said {
            let script = try Script(bytes)
            let error = #expect(throws: TerminalError.self) {
                _ = try script.run { try Prompt.password("", through: $0) }
            }
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
    }

    @Test(
        "take y and Y as a yes, everything else and the end of the input as a no",
        arguments: [
            ("y\n", true), ("Y\n", true), ("y", true), (" y \r\n", true), ("n\n", false),
            ("yes\n", false), ("\n", false), ("", false), ("Ja\n", false), ("\ny\n", false),
        ])
    func confirmation(lines: String, expected: Bool) throws {
        let script = try Script(lines)
        let answer = try script.run { try Prompt.confirm("Sure? [y/N]: ", through: $0) }
        #expect(answer == expected)
        #expect(script.prompts == "Sure? [y/N]: \n")
    }

    @Test(
        "take an empty line for a yes where that is the default, but neither the end of the input nor another word",
        arguments: [
            ("\n", true), (" \n", true), ("y\n", true), ("n\n", false), ("", false), ("x\n", false),
        ])
    func confirmationByDefault(lines: String, expected: Bool) throws {
        let script = try Script(lines)
        let answer = try script.run {
            try Prompt.confirm("Continue ? [Y/n]", byDefault: true, through: $0)
        }
        #expect(answer == expected)
    }

    @Test("do not show the password on a terminal, and show later input again")
    func silence() async throws {
        let terminal = try PseudoTerminal()
        let before = terminal.modes
        #expect(before & tcflag_t(ECHO) != 0)
        async let password = onThread { [terminal] in
            try terminal.run { try Prompt.password("Password:", through: $0) }
        }
        try await terminal.waitForOutput("Password:")
        // The terminal's own editing still works.
        terminal.type("secrex\u{7f}t\n")
        #expect(try await password == "secret")
        #expect(terminal.modes == before)
        terminal.type("after")
        let screen = try await terminal.waitForOutput("after")
        #expect(!screen.contains("secre"))
    }

    @Test("take Ctrl-D instead of a password as an error, and restore the terminal")
    func endOfInput() async throws {
        let terminal = try PseudoTerminal()
        let before = terminal.modes
        async let isError = onThread { [terminal] in
            do {
                _ = try terminal.run { try Prompt.password("Password:", through: $0) }
                return false
            } catch {
                return true
            }
        }
        try await terminal.waitForOutput("Password:")
        terminal.type("\u{4}")
        #expect(try await isError)
        #expect(terminal.modes == before)
    }
}
