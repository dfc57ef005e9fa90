import ArgumentParser
import ClientKit
import ImmudbClient

/// A reference's name, and the key to which it refers.
struct NewReference: ParsableArguments {
    @Argument(help: "Name of the reference.")
    var name: String

    @Argument(help: "Key that it names. If absent, stdin is read to its end, byte for byte.")
    var key: String?

    var nameBytes: [UInt8] { Array(name.utf8) }
    var givenNames: [GivenName] {
        [GivenName(.newReference, nameBytes), GivenName(.existingKey, keyBytes)]
    }
    /// Empty until `read`.
    private(set) var keyBytes: [UInt8] = []

    private enum CodingKeys: CodingKey { case name, key }

    mutating func read(_ input: StandardInput) throws {
        keyBytes = try bytes(of: key, from: input, orElse: "no key for reference '\(name)'")
    }
}

struct ReferenceCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "reference", alias: "r",
        abstract: "Add a second name for a key, and print its entry.")
    static let printsEntries = true

    @OptionGroup var new: NewReference
    var givenNames: [GivenName] { new.givenNames }

    mutating func prepare(_ input: StandardInput) throws { try new.read(input) }

    func run(in context: CommandContext) async throws {
        let index = try await context.client.reference(new.nameBytes, to: new.keyBytes)
        let entry = Entry(index: index, key: new.nameBytes, value: new.keyBytes)
        try context.output.write(EntryReport(entry: entry))
    }
}

struct SafeReferenceCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "safereference", alias: "sr",
        abstract: "Add a second name for a key, verify that it was, and print its entry.")
    static let printsEntries = true

    @OptionGroup var new: NewReference
    var givenNames: [GivenName] { new.givenNames }

    mutating func prepare(_ input: StandardInput) throws { try new.read(input) }

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        let verified = try await writing {
            try await client.verifiedReference(new.nameBytes, to: new.keyBytes)
        }
        try context.output.write(EntryReport(entry: verified.value, isVerified: true))
    }
}
