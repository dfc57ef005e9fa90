import OwnThread
import SimulatedDisk
import TestTools
import Testing

@testable import ImmudbAccounts

/// Random acts on accounts and on a dictionary that models them, by seed.
@Suite("Accounts and a model of them", .ownThread)
struct AccountsModelTests {
    private static let names = ["immu", "joe", "ann", "jo"]
    private static let passwords = ["Passw0rd!", "Passw1rd!", "Passw2rd!"]

    private struct Token {
        let text: String
        let name: String
        var isGood: Bool
    }

    @Test(
        "agree on users, passwords and tokens after random acts",
        arguments: 1...6 as ClosedRange<UInt64>)
    func acts(seed: UInt64) async throws {
        let test = try TestAccounts()
        var random = SplitMix64(seed: seed)
        var model: [String: String?] = [:]
        var tokens: [Token] = []
        for step in 0..<120 {
            let name = try #require(Self.names.randomElement(using: &random))
            let (one, other) = (
                try #require(Self.passwords.randomElement(using: &random)),
                try #require(Self.passwords.randomElement(using: &random))
            )
            let known = model[name]
            let current = known ?? nil
            let context = Comment(rawValue: "seed \(seed), step \(step), \(name)")
            switch random.next(below: 10) {
            case 0...2:
                let isDone = await succeeds { try await test.create(name, one) }
                #expect(isDone == (current == nil), context)
                if isDone { model[name] = .some(one) }
            case 3...4:
                let isDone = await succeeds { try await test.change(name, one, other) }
                #expect(isDone == (current == one), context)
                if isDone {
                    model[name] = .some(other)
                    for index in tokens.indices where tokens[index].name == name {
                        tokens[index].isGood = false
                    }
                }
            case 5:
                let isDone = await succeeds { try await test.delete(name) }
                #expect(isDone == (current != nil), context)
                if isDone {
                    model[name] = .some(nil)
                    for index in tokens.indices where tokens[index].name == name {
                        tokens[index].isGood = false
                    }
                }
            case 6...8:
                let text = try? await test.token(name, one)
                #expect((text != nil) == (current == one), context)
                if let text { tokens.append(Token(text: text, name: name, isGood: true)) }
            default:
                try test.reopen()
            }
            for token in tokens {
                let caller = test.accounts.caller(presenting: token.text)
                #expect((caller != nil) == token.isGood, context)
                if let caller { #expect(caller.name.description == token.name, context) }
            }
        }
    }

    private func succeeds(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return true
        } catch {
            return false
        }
    }

    @Test(
        "keep each acknowledged change, and no change without its audit entry, after a crash at any call"
    )
    func crashes() throws {
        let whole = SimulatedDisk()
        _ = try changes(on: whole)
        let count = whole.callCount
        for number in stride(from: 1, through: count, by: max(1, count / 40)) {
            let disk = SimulatedDisk(seed: UInt64(number))
            disk.stop(afterCall: number)
            let acknowledged = (try? changes(on: disk)) ?? 0
            for image in [disk.killed(), disk.crashed(.losingUnsynchronized)] {
                var options = Accounts.Options()
                options.fileSystem = image
                let database = try SystemFolder.open(in: "/data", options)
                let registry = try UserRegistry(database)
                var walk = try AuditWalk(database.snapshot, AuditFilter())
                var audited: [String] = []
                while !walk.isAtEnd { audited += try walk.nextPage().map(\.entry.user) }
                let users = (0..<Self.changeCount).filter { registry[Self.user($0)] != nil }
                #expect(users.count >= acknowledged, "\(number)")
                #expect(audited == users.map { Self.user($0).description }, "\(number)")
                try database.close()
            }
        }
    }

    private static let changeCount = 8

    private static func user(_ number: Int) -> UserName {
        guard let name = try? UserName("user\(number)") else { preconditionFailure("no name") }
        return name
    }

    /// - Returns: the number of acknowledged changes.
    private func changes(on disk: SimulatedDisk) throws -> Int {
        var options = Accounts.Options()
        options.fileSystem = disk
        let hash = PasswordHash(
            parameters: .cheap, salt: [1],
            key: [UInt8](repeating: 0, count: PasswordHash.keyByteCount))
        let database = try SystemFolder.open(in: "/data", options)
        let registry = try UserRegistry(database)
        var count = 0
        for number in 0..<Self.changeCount {
            let entry = AuditEntry(
                .createUser, by: "immu", from: "here", user: "user\(number)", time: Int64(number))
            do {
                try registry.change(Self.user(number), to: Credentials(hash), entry)
            } catch {
                break
            }
            count += 1
        }
        try? database.close()
        return count
    }
}
