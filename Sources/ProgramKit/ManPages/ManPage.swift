/// The man page of one command.
struct ManPage {
    private let command: CommandDump
    /// The command's words, the program's name first.
    private let words: [String]
    private let examples: [(command: String, what: String)]
    private let date: PageDate

    /// Returns the pages of a command and of its subcommands that are shown in the help.
    static func pages(
        of command: CommandDump, under parent: ManPage?,
        examples: ManPages.Examples, date: PageDate
    ) -> [ManPage] {
        let words = (parent?.words ?? []) + [command.commandName]
        let page = ManPage(
            command: command, words: words, examples: examples[words.joined(separator: " ")] ?? [],
            date: date)
        return [page]
            + command.shownSubcommands.flatMap {
                pages(of: $0, under: page, examples: examples, date: date)
            }
    }

    /// The command as it is typed.
    var invocation: String { words.joined(separator: " ") }
    private var name: String { words.joined(separator: "-") }
    private var program: String { words[0] }
    var fileName: String { name + ".1" }

    /// The page in roff, with the macros of man(7).
    var text: String {
        let sections = [
            ("NAME", [nameLine]), ("SYNOPSIS", synopsis), ("DESCRIPTION", description),
            ("OPTIONS", command.shownArguments.flatMap(Self.option)), ("EXAMPLE", exampleLines),
            ("SEE ALSO", seeAlso), ("HISTORY", history),
        ]
        let title =
            ".TH \"\(Roff.text(program))\" \"1\" \"\(date.text)\" \"\(Roff.text(program))\" "
            + "\"User Commands\""
        let lines = [title] + sections.filter { !$0.1.isEmpty }.flatMap { [".SH \($0.0)"] + $0.1 }
        return lines.map { $0 + "\n" }.joined()
    }

    // MARK: sections

    private var nameLine: String {
        let abstract = command.abstract ?? ""
        // An abstract that begins with the command's name need not repeat it.
        let own = name + " - "
        let what = abstract.hasPrefix(own) ? String(abstract.dropFirst(own.count)) : abstract
        // Indexes of pages need a single dash between the name and the rest.
        return "\(Roff.line(name)) \\- \(Roff.text(what.isEmpty ? "a command" : what))"
    }

    private var synopsis: [String] {
        var parts = [Roff.bold(invocation)]
        if command.shownArguments.contains(where: { $0.kind != .positional }) {
            parts.append("[" + Roff.italic("flags") + "]")
        }
        for argument in command.shownArguments where argument.kind == .positional {
            let word = Roff.italic(argument.valueName ?? "") + (argument.isRepeating ? " ..." : "")
            parts.append(argument.isOptional ? "[\(word)]" : word)
        }
        let own = [parts.joined(separator: " ")]
        guard !command.shownSubcommands.isEmpty else { return own }
        return own + [".br", "\(Roff.bold(invocation)) \(Roff.italic("command"))"]
    }

    private var description: [String] {
        var parts = [command.discussion ?? command.abstract ?? ""]
        if let aliases = command.aliases, !aliases.isEmpty {
            parts.append("The command is also called " + aliases.joined(separator: ", ") + ".")
        }
        var lines = Roff.paragraphs(parts.joined(separator: "\n\n"))
        guard !command.shownSubcommands.isEmpty else { return lines }
        lines += [".PP", "Commands:"]
        for subcommand in command.shownSubcommands {
            lines += [".TP", Roff.bold(subcommand.commandName)]
            lines += Roff.filled(subcommand.abstract ?? "a command")
        }
        return lines
    }

    /// Returns the item of an argument: how it is typed, and its meaning.
    private static func option(_ argument: ArgumentDump) -> [String] {
        var text = argument.abstract ?? ""
        if let values = argument.allValues {
            text += " (values: \(values.joined(separator: ", ")))"
        }
        if let value = argument.defaultValue, !argument.hasOptionalValue {
            text += " (default: \(value))"
        }
        var lines = Roff.filled(text)
        if let discussion = argument.discussion {
            // Within the item's indentation.
            lines += [".IP"] + Roff.paragraphs(discussion).map { $0 == ".PP" ? ".IP" : $0 }
        }
        // The synopsis is sufficient for a word without a description.
        guard !lines.isEmpty || argument.kind != .positional else { return [] }
        return [".TP", typed(argument)] + lines
    }

    private static func typed(_ argument: ArgumentDump) -> String {
        let value = Roff.italic(argument.valueName ?? "")
        guard argument.kind != .positional else { return value }
        // Short names first.
        let names = (argument.names ?? []).sorted { $0.kind != .long && $1.kind == .long }
        let text = names.map { Roff.bold($0.text) }.joined(separator: ", ")
        guard argument.kind == .option else { return text }
        let valued = (names.last?.kind == .long ? "=" : " ") + value
        return text + (argument.hasOptionalValue ? "[\(valued)]" : valued)
    }

    private var exampleLines: [String] {
        examples.enumerated().flatMap { position, example in
            (position == 0 ? [] : [".PP"]) + Roff.filled(example.what)
                + [".RS 4", ".nf", Roff.line(example.command), ".fi", ".RE"]
        }
    }

    /// The pages of the command above and of those below.
    private var seeAlso: [String] {
        let below = command.shownSubcommands.map { name + "-" + $0.commandName }
        let names = (words.count > 1 ? [words.dropLast().joined(separator: "-")] : []) + below
        return names.enumerated().map { position, name in
            ".BR \(Roff.text(name)) (1)" + (position == names.count - 1 ? "" : ",")
        }
    }

    private var history: [String] {
        ["Made on \(date.text.replacing("-", with: "\\-")) by \(Roff.bold(program + " mangen"))."]
    }
}
