import Foundation
import ImmudbStore
import OwnThread
import TestTools
import Testing

@testable import ImmudbAccounts

@Suite("The audit log", .ownThread)
struct AuditTests {
    private let test: TestAccounts
    private var password: String { TestAccounts.password }

    init() throws { test = try TestAccounts() }

    @Test("has the administrator, act, address, user and outcome of each change")
    func entries() async throws {
        let admin = try await test.firstLogin()
        _ = try await test.token("immu", admin)
        try await test.create("joe", password)
        try? await test.create("joe", password)
        try await test.change("joe", password, "Passw1rd!")
        try await test.delete("joe")
        _ = try? await test.token("immu", "Wr0ng-word")
        test.accounts.noteRefusal(.deleteUser, from: "192.0.2.7:1", reason: "permission denied")
        try test.reopen()
        let told = try test.audit().map {
            "\($0.action.rawValue) by \($0.by) from \($0.from) to \($0.user): \($0.outcome)"
        }
        let local = "127.0.0.1:4711"
        #expect(
            told == [
                "first-login by  from \(local) to immu: done",
                "login by immu from \(local) to immu: done",
                "create-user by immu from \(local) to joe: done",
                "create-user by immu from \(local) to joe: refused: the user exists",
                "change-password by immu from \(local) to joe: done",
                "delete-user by immu from \(local) to joe: done",
                "login by  from \(local) to immu: refused: wrong user or password",
                "delete-user by  from 192.0.2.7:1 to : refused: permission denied",
            ])
    }

    @Test("limits entries about refusals by a clock that does not step")
    func steps() async throws {
        let second: UInt64 = 1_000_000_000
        let hour: Int64 = 3_600_000_000
        let start = WallClock.microseconds()
        func note(_ count: Int, at time: Int64, now: UInt64) async throws -> Int {
            let before = try test.audit().count
            for _ in 0..<count {
                test.accounts.refusals.note(
                    .deleteUser, from: "a", user: "", outcome: "no", at: time, now: now)
            }
            // Appended after the entries under test, so that those are written once it is.
            _ = try await test.accounts.database.set(Array("barrier".utf8), [])
            return try test.audit().count - before
        }
        #expect(try await note(200, at: start, now: 0) == 100)
        // A step forward of the wall clock opens nothing, and a step back closes nothing.
        #expect(try await note(50, at: start + 24 * hour, now: 1 * second) == 0)
        #expect(try await note(50, at: start - 24 * hour, now: 10 * second) == 1)
        #expect(try await note(50, at: start - 24 * hour, now: 30 * second) == 2)
    }

    @Test("has no password, hash or token")
    func secrets() async throws {
        let admin = try await test.firstLogin()
        let token = try await test.token("immu", admin)
        try await test.create("joe", password)
        var walk = test.accounts.database.snapshot.indexWalk(
            from: EntryIndex(0), room: AnswerRoom(byteLimit: .max))
        var count = 0
        while !walk.isAtEnd {
            for entry in try walk.nextPage() {
                count += 1
                let text = String(decoding: entry.value, as: UTF8.self)
                for secret in [admin, password, token] { #expect(!text.contains(secret)) }
                let isAudit = entry.key.starts(with: AuditEntry.keyPrefix)
                #expect(isAudit != text.contains("scrypt"))
            }
        }
        #expect(count == 5)
    }

    @Test("is filtered by time, user and action, from either end")
    func filters() throws {
        for number in 0..<600 {
            let entry = AuditEntry(
                number % 3 == 0 ? .login : .createUser, by: "immu", from: "here",
                user: "u\(number % 7)",
                time: Int64(1_000 + number))
            try test.accounts.database.appendWaiting([entry.newEntry()])
        }
        let all = try test.audit()
        #expect(all.map(\.time) == (1_000..<1_600).map { Int64($0) })
        var random = SplitMix64(seed: 11)
        for _ in 0..<200 {
            var filter = AuditFilter()
            if random.chance(1, of: 2) { filter.since = Int64(900 + random.next(below: 800)) }
            if random.chance(1, of: 2) { filter.until = Int64(900 + random.next(below: 800)) }
            if random.chance(1, of: 2) { filter.user = "u\(random.next(below: 9))" }
            if random.chance(1, of: 2) { filter.action = .login }
            if random.chance(1, of: 2) { filter.limit = random.next(below: 50) }
            filter.newestFirst = random.chance(1, of: 2)
            let expected = (filter.newestFirst ? all.reversed() : all).filter {
                $0.time >= filter.since ?? .min && $0.time <= filter.until ?? .max
                    && (filter.user == nil || $0.user == filter.user)
                    && (filter.action == nil || $0.action == filter.action)
            }.prefix(filter.limit)
            #expect(try test.audit(filter) == Array(expected), "\(filter)")
        }
    }

    @Test("counts refusals beyond its limit instead of filling the disk")
    func bound() async throws {
        func refuse(at seconds: Int64) {
            test.accounts.refusals.note(
                .createUser, from: "192.0.2.7:1", user: "", outcome: "invalid token",
                at: seconds * 1_000_000, now: UInt64(seconds) * 1_000_000_000)
        }
        for _ in 0..<5_000 { refuse(at: 1_000) }
        refuse(at: 1_009)
        refuse(at: 1_010)
        refuse(at: 1_011)
        refuse(at: 1_020)
        try test.reopen()
        let entries = try test.audit()
        #expect(entries.count == 102)
        #expect(entries.dropLast(2).allSatisfy { $0.omitted == 0 })
        #expect(entries.suffix(2).map(\.omitted) == [4_901, 1])
    }
}
