import ArgumentParser
import ImmudbClient

/// A reference's name, and the key that it names.
struct NewReference: ParsableArguments {
    @Argument(help: "Name of the reference.")
    var name: String

    @Argument(help: "Key that it names. If absent, stdin is read to its end, byte for byte.")
    var key: String?

    var nameBytes: [UInt8] { Array(argument: name) }
    /// Empty until `read`.
    private(set) var keyBytes: [UInt8] = []

    private enum CodingKeys: CodingKey { case name, key }

    mutating func read() throws {
        keyBytes = try bytes(of: key, orElse: "no key for reference '\(name)'")
    }
}

struct ReferenceCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Add a second name for a key, and print its entry.",
        aliases: ["r"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewReference

    mutating func prepare() throws { try new.read() }

    func run(on client: ImmudbClient) async throws {
        let index = try await client.reference(new.nameBytes, to: new.keyBytes)
        try Output.write(entry: Entry(index: index, key: new.nameBytes, value: new.keyBytes))
    }
}

struct SafeReferenceCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "safereference",
        abstract: "Add a second name for a key, verify that it was, and print its entry.",
        aliases: ["sr"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewReference

    mutating func prepare() throws { try new.read() }

    func run(on client: ImmudbClient) async throws {
        let verified = try await writing {
            try await client.verifiedReference(new.nameBytes, to: new.keyBytes)
        }
        try Output.write(verified: verified)
    }
}

/// A sorted set, a score, and the key that becomes a member.
struct NewMember: ParsableArguments {
    @Argument(help: "Name of the sorted set.")
    var set: String

    @Argument(help: "Score of the member, a number.")
    var score: String

    @Argument(help: "Key that becomes a member.")
    var key: String

    var setBytes: [UInt8] { Array(argument: set) }
    var keyBytes: [UInt8] { Array(argument: key) }
    var number: Double { Double(NegativeNumber.restored(score)) ?? .nan }

    func validate() throws {
        // A number too large for a double would be another one than was typed.
        let isSpelledOut = score.lowercased().contains("inf")
        guard !number.isNaN, number.isFinite || isSpelledOut else {
            throw ValidationError("'\(score)' is no score: give a number, such as -1.5 or 2e3")
        }
    }
}

struct ZAddCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "zadd", abstract: "Add a key to a sorted set, and print the entry.",
        aliases: ["za"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewMember

    func run(on client: ImmudbClient) async throws {
        let (set, score, key) = (new.setBytes, new.number, new.keyBytes)
        let index = try await client.zAdd(key, to: set, score: score)
        let entryKey = ImmudbClient.setEntryKey(set: set, score: score, member: key)
        try Output.write(
            member: Entry(index: index, key: entryKey, value: key), of: set, score: score)
    }
}

struct SafeZAddCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "safezadd",
        abstract: "Add a key to a sorted set, verify that it was, and print the entry.",
        aliases: ["sza"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var new: NewMember

    func run(on client: ImmudbClient) async throws {
        let verified = try await writing {
            try await client.verifiedZAdd(
                new.keyBytes, to: new.setBytes, score: new.number)
        }
        try Output.write(
            member: verified.value, of: new.setBytes, score: new.number, isVerified: true)
    }
}
