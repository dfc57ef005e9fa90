import ProgramKit
import Testing

@testable import immuclient

@Suite("Help of immuclient")
struct HelpTests {
    @Test("has an example for each command, which is a command line that it takes")
    func examples() throws {
        for type in Immuclient.displayedCommands {
            let examples = try #require(
                Immuclient.examples["immuclient \(type.name)"], "\(type.name)")
            for example in examples {
                let line = example.command.replacing("source <(", with: "").replacing(")", with: "")
                let words = try ShellWords.split(line).prefix { $0 != "<" && $0 != ">" }
                #expect(words.first == "immuclient")
                guard case .run(let command) = try Invocation<Immuclient>(Array(words[1...])).action
                else {
                    Issue.record("\(line) is no command")
                    continue
                }
                #expect(Swift.type(of: command) == type, "\(line)")
            }
            #expect(Immuclient.help(for: type).contains("EXAMPLES:\n  \(examples[0].what)"))
        }
    }

    @Test("is short: only --all adds the flags of all commands")
    func length() {
        for type in Immuclient.displayedCommands {
            let brief = Immuclient.help(for: type)
            // The auditor's lists its own settings, which no other command has.
            let limit = type.name == "audit-mode" ? 80 : 35
            #expect(brief.split(separator: "\n").count < limit, "\(brief)")
            #expect(!brief.contains("--immudb-port"))
            #expect(brief.hasSuffix("listed by 'immuclient help \(type.name) --all'."))
            let full = Immuclient.help(for: type, all: true)
            #expect(full.contains("--immudb-port") && full.contains("--config"))
        }
        #expect(!Immuclient.help().contains("IMMUCLIENT_"))
        #expect(Immuclient.help(all: true).contains("IMMUCLIENT_IMMUDB_PORT"))
    }
}
