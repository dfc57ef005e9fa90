import Foundation
import Testing

@testable import Terminal

@Suite("Prompts", .serialized, .timeLimit(.minutes(1)))
struct PromptTests {
    @Test(
        "a password comes from a pipe, a line of any end; the rest is left for who reads next",
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

    @Test("a password that the input ends with needs no line end")
    func lastLine() throws {
        let answer = try Script("secret").run { try Prompt.password("", through: $0) }
        #expect(answer == "secret")
    }

    @Test("no password, one that is no text, and one that is too long are errors that say so")
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
        "y and Y are a yes, everything else and the end of the input are a no",
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
        "a question may take an empty line for a yes, but neither the end of the input nor another word",
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

    @Test("a terminal does not show the password, and shows again what is typed afterwards")
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

    @Test("Ctrl-D instead of a password is an error, and the terminal is restored")
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
