import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit
import Terminal

struct ScanCommand: ImmuclientCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "scan", alias: "scn",
        abstract: "Print the newest entries of the keys with a prefix.",
        discussion: """
            In byte order of the keys. References are left out, although count counts them: --deep \
            prints the entries that they name in their places.
            """)
    static let printsEntries = true

    @Argument(help: "Prefix of the keys; \"\" for all.")
    var prefix: String

    @OptionGroup var walk: WalkFlags

    @Option(
        help: ArgumentHelp(
            "begin after this key, in the order of printing; it need not exist", valueName: "key"))
    var offset: String?

    @Option(
        help: ArgumentHelp(
            "end with this key, in the order of printing; it need not exist", valueName: "key"))
    var until: String?

    @Flag(help: "follow references; not with --offset or --until")
    var deep = false

    var givenNames: [GivenName] {
        prefix.isEmpty ? [] : [GivenName(.prefix, Array(prefix.utf8))]
    }

    func validate() throws {
        guard deep, offset != nil || until != nil else { return }
        throw ValidationError(
            "flag --deep: the entries have the keys of the references' targets, which have no order, so "
                + "--offset and --until have no effect. Leave them out")
    }

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        try await deep ? printDeep(client, context.output) : printPlain(client, context)
    }

    private func printPlain(_ client: ImmudbClient, _ context: CommandContext) async throws {
        let prefix = Array(prefix.utf8)
        var left = walk.most
        var last = Array((offset ?? "").utf8)
        var isEmpty = true
        // An answer has a largest size: the rest follows after its last key.
        while left > 0 {
            let page = try await client.scan(
                prefix: prefix, after: last, limit: walk.limit == nil ? nil : left,
                reverse: walk.reverse)
            for entry in page {
                guard last.isEmpty || precedes(last, entry.key) else {
                    throw ClientError(
                        .incompatible, "the server's answer to scan is not in the order of its keys"
                    )
                }
                last = entry.key
            }
            let end = until.map { Array($0.utf8) }
            let shown = page.prefix(Int(clamping: left)).prefix { entry in
                end.map { !precedes($0, entry.key) } ?? true
            }
            try context.output.write(list: shown.lazy.map { EntryReport(entry: $0) })
            isEmpty = isEmpty && page.isEmpty
            guard !page.isEmpty, shown.count == page.count else { break }
            left -= min(left, UInt64(page.count))
        }
        if isEmpty, offset == nil, !prefix.isEmpty {
            try await noteReferences(client, context.output)
        }
    }

    /// Returns whether a key is printed before another one.
    private func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        walk.reverse ? right.lexicographicallyPrecedes(left) : left.lexicographicallyPrecedes(right)
    }

    /// Warns why nothing was printed, if there are keys.
    private func noteReferences(_ client: ImmudbClient, _ output: Output) async throws {
        let count = try await client.count(prefix: Array(prefix.utf8))
        guard count > 0 else { return }
        StandardError.write(
            warning:
                "scan leaves out references, and the keys with this prefix are references (\(count)): "
                + "--deep prints the entries to which they refer", output.format)
    }

    private func printDeep(_ client: ImmudbClient, _ output: Output) async throws {
        // Counted before the scan, so that keys that are written meanwhile cannot hide missing ones.
        let count = try await client.keyCount(prefix: Array(prefix.utf8))
        let entries = try await client.scan(
            prefix: Array(prefix.utf8), limit: walk.most, reverse: walk.reverse, deep: true)
        try output.write(list: entries.lazy.map { EntryReport(entry: $0) })
        guard entries.count < min(count, walk.most) else { return }
        throw ToolError(
            "CUT SHORT: \(entries.count) of \(count) entries were printed, as many as an answer of "
                + "the server holds. A deep scan cannot continue after them: give longer prefixes",
            code: "CutShort")
    }
}

struct CountCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "count", alias: "cnt", abstract: "Print how many keys have a prefix.",
        discussion: """
            References are keys, members of sorted sets are not. The server looks at each key, so it \
            takes the longer the more there are.
            """)

    @Argument(help: "Prefix of the keys; \"\" for all.")
    var prefix: String

    var givenNames: [GivenName] {
        prefix.isEmpty ? [] : [GivenName(.prefix, Array(prefix.utf8))]
    }

    func run(in context: CommandContext) async throws {
        let count = try await context.client.keyCount(prefix: Array(prefix.utf8))
        try context.output.write(LineReport("\(count)", json: ["count": .number(count)]))
    }
}

extension ImmudbClient {
    /// Returns how many different keys have a prefix, which may be empty, although the wire does not allow that.
    ///
    /// - Complexity: one call; 255 for the empty prefix, one for each possible first byte of a key.
    func keyCount(prefix: [UInt8]) async throws -> UInt64 {
        guard prefix.isEmpty else { return try await count(prefix: prefix) }
        return try await withThrowingTaskGroup(of: UInt64.self) { group in
            for first in UInt8(1)...255 {
                group.addTask { try await self.count(prefix: [first]) }
            }
            return try await group.reduce(0, +)
        }
    }
}
