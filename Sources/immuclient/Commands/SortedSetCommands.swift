import ArgumentParser
import ClientKit
import ImmudbClient

/// A sorted set, a score, and the key that becomes a member.
struct NewMember: ParsableArguments {
    @Argument(help: "Name of the sorted set.")
    var set: String

    @Argument(help: "Score of the member, a number.")
    var score: String

    @Argument(help: "Key that becomes a member.")
    var key: String

    var setBytes: [UInt8] { Array(set.utf8) }
    var givenNames: [GivenName] {
        [GivenName(.set, setBytes), GivenName(.existingKey, keyBytes)]
    }
    var keyBytes: [UInt8] { Array(key.utf8) }
    var number: Double { Double(score) ?? .nan }

    func validate() throws { _ = try Score.parse(score) }
}

struct ZAddCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "zadd", alias: "za",
        abstract: "Add a key to a sorted set, and print the entry.")
    static let printsEntries = true

    @OptionGroup var new: NewMember
    var givenNames: [GivenName] { new.givenNames }

    func run(in context: CommandContext) async throws {
        let (set, score, key) = (new.setBytes, new.number, new.keyBytes)
        let index = try await context.client.zAdd(key, to: set, score: score)
        let entryKey = ImmudbClient.setEntryKey(set: set, score: score, member: key)
        let entry = Entry(index: index, key: entryKey, value: key)
        try context.output.write(MemberReport(entry: entry, set: set, score: score))
    }
}

struct SafeZAddCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "safezadd", alias: "sza",
        abstract: "Add a key to a sorted set, verify that it was, and print the entry.")
    static let printsEntries = true

    @OptionGroup var new: NewMember
    var givenNames: [GivenName] { new.givenNames }

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        let verified = try await writing {
            try await client.verifiedZAdd(
                new.keyBytes, to: new.setBytes, score: new.number)
        }
        try context.output.write(
            MemberReport(
                entry: verified.value, set: new.setBytes, score: new.number, isVerified: true))
    }
}
