import ArgumentParser
import ClientKit
import ImmudbClient
import MerkleTree

struct SafeSetCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "safeset", alias: "ss",
        abstract: "Add an entry, verify that it was, then print and verify the newest of its key.")
    static let printsEntries = true

    @OptionGroup var new: NewValue
    var givenNames: [GivenName] { new.givenNames }

    mutating func prepare(_ input: StandardInput) throws { try new.read(input) }

    func run(in context: CommandContext) async throws {
        let (client, key, value) = (try await context.client, new.keyBytes, new.valueBytes)
        let index = try await writing { try await client.verifiedSet(key, value) }.value.index
        let newest = try await readingBack(index) { try await client.checkedGet(key) }
        try context.output.write(checked: newest, afterWriting: index)
    }
}

struct SafeGetCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "safeget", alias: "sg",
        abstract: "Print the newest entry of a key and verify it.")
    static let printsEntries = true

    @Argument(help: "Key of the entry.")
    var key: String
    var givenNames: [GivenName] { [GivenName(.existingKey, Array(key.utf8))] }

    func run(in context: CommandContext) async throws {
        try context.output.write(checked: await context.client.checkedGet(Array(key.utf8)))
    }
}

struct RawSafeSetCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "rawsafeset", alias: "rs",
        abstract: "As safeset, with the value stored as it is, without a time.")
    static let printsEntries = true

    @OptionGroup var new: NewValue
    var givenNames: [GivenName] { new.givenNames }

    mutating func prepare(_ input: StandardInput) throws { try new.read(input) }

    func run(in context: CommandContext) async throws {
        let (client, key, value) = (try await context.client, new.keyBytes, new.valueBytes)
        let index = try await writing { try await client.verifiedRawSet(key, value) }.value.index
        let newest = try await readingBack(index) { try await client.checkedGet(key) }
        try context.output.write(checked: newest, isRaw: true, afterWriting: index)
    }
}

struct RawSafeGetCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "rawsafeget", alias: "rg",
        abstract: "As safeget, with the value as it is stored.")
    static let printsEntries = true

    @Argument(help: "Key of the entry.")
    var key: String
    var givenNames: [GivenName] { [GivenName(.existingKey, Array(key.utf8))] }

    func run(in context: CommandContext) async throws {
        try context.output.write(
            checked: await context.client.checkedGet(Array(key.utf8)), isRaw: true)
    }
}

extension Output {
    /// Prints an entry, and whether it was verified.
    ///
    /// - Parameters:
    ///   - isRaw: whether the value is shown as it is stored.
    ///   - written: the index of the entry that this command has written before.
    /// - Throws: why the entry was not verified, after it was printed.
    fileprivate func write(
        checked: CheckedEntry, isRaw: Bool = false, afterWriting written: EntryIndex? = nil
    ) throws {
        let isVerified = if case .success = checked.result { true } else { false }
        var failure: (any Error)?
        do {
            _ = try checked.result.get()
        } catch {
            failure = error
            if let written {
                failure = AnnotatedError(
                    cause: error,
                    note: "Your entry is stored, and was verified, at index \(written); reading it "
                        + "failed.")
            }
        }
        try write(
            EntryReport(entry: checked.entry, isRaw: isRaw, isVerified: isVerified),
            failing: failure)
    }
}
