import Crypto
import Foundation
import OwnThread
import TestTools
import Testing

@testable import ImmudbAccounts

@Suite("Accounts", .ownThread)
struct AccountsTests {
    private let test: TestAccounts
    private var password: String { TestAccounts.password }

    init() throws { test = try TestAccounts() }

    @Test("refuse a waiting act if its user is no longer an administrator")
    func endedWhileWaiting() async throws {
        let test = try TestAccounts()
        defer { try? test.accounts.close() }
        let administrator = Accounts.Administrator(
            Caller(name: .administrator, isAdministrator: true), from: TestAccounts.local,
            mayAct: { false }, isCancelled: { false })
        let result = await withCheckedContinuation { continuation in
            test.accounts.createUser(
                Array("ghost".utf8), password: Array("Passw0rd!".utf8), by: administrator
            ) { continuation.resume(returning: $0) }
        }
        #expect(throws: AccountError.self) { try result.get() }
        await expectRefusal("wrong user or password") {
            _ = try await test.login("ghost", "Passw0rd!")
        }
    }

    @Test("create the administrator once, at the first login by a tool on this machine")
    func firstLogin() async throws {
        await expectRefusal("wrong user or password") { _ = try await test.login("immu", "") }
        await expectRefusal("wrong user or password") {
            _ = try await test.login("immu", "", from: TestAccounts.remote, asAdministrator: true)
        }
        await expectRefusal("permission denied") {
            _ = try await test.login("joe", "", asAdministrator: true)
        }
        await expectRefusal("wrong user or password") {
            _ = try await test.login("immu", password, asAdministrator: true)
        }
        let first = try await test.firstLogin()
        await expectRefusal("wrong user or password") { _ = try await test.firstLogin() }
        let token = try await test.token("immu", first)
        #expect(test.accounts.caller(presenting: token)?.isAdministrator == true)
        try test.reopen()
        await expectRefusal("wrong user or password") { _ = try await test.firstLogin() }
        _ = try await test.token("immu", first)
    }

    @Test("tell the password to one of many first logins at once")
    func firstLogins() async throws {
        let told = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<20 { group.addTask { try? await test.firstLogin() } }
            return await group.reduce(into: [String]()) {
                if let password = $1 { $0.append(password) }
            }
        }
        #expect(told.count == 1)
        _ = try await test.token("immu", try #require(told.first))
    }

    @Test("accept a token for an hour, across a restart, with and without its scheme")
    func lifetime() async throws {
        try await test.create("joe", password)
        let token = try await test.token("joe", password)
        for header in [token, "Bearer \(token)"] {
            #expect(test.accounts.caller(presenting: header)?.name.description == "joe")
            #expect(test.accounts.caller(presenting: header)?.isAdministrator == false)
        }
        try test.reopen()
        test.pass(seconds: 3_599)
        #expect(test.accounts.caller(presenting: token) != nil)
        test.pass(seconds: 1)
        #expect(test.accounts.caller(presenting: token) == nil)
        try test.reopen()
        #expect(test.accounts.caller(presenting: token) == nil)
    }

    @Test(
        "refuse tokens from before a new password, a deletion, or a new user of the same name"
    )
    func revocation() async throws {
        try await test.create("joe", password)
        let first = try await test.token("joe", password)
        #expect(test.accounts.caller(presenting: first) != nil)
        try await test.change("joe", password, "Passw1rd!")
        #expect(test.accounts.caller(presenting: first) == nil)
        let second = try await test.token("joe", "Passw1rd!")
        await expectRefusal("wrong user or password") { _ = try await test.token("joe", password) }
        try await test.delete("joe")
        #expect(test.accounts.caller(presenting: second) == nil)
        await expectRefusal("wrong user or password") {
            _ = try await test.token("joe", "Passw1rd!")
        }
        try await test.create("joe", password)
        #expect(test.accounts.caller(presenting: first) == nil)
        #expect(test.accounts.caller(presenting: second) == nil)
        let third = try await test.token("joe", password)
        try test.reopen()
        #expect(test.accounts.caller(presenting: first) == nil)
        #expect(test.accounts.caller(presenting: third) != nil)
    }

    @Test("refuse a token that another key signed, whatever it contains")
    func forged() async throws {
        try await test.create("joe", password)
        let token = try await test.token("joe", password)
        let message = try #require(SignedMessage(token.utf8))
        var claims = try #require(TokenClaims(json: message.message, now: .max))
        let key = Curve25519.Signing.PrivateKey()
        func forged() throws -> String {
            try SignedMessage.token(claims.json, footer: Array("immudb".utf8), signedBy: key)
        }
        #expect(test.accounts.caller(presenting: try forged()) == nil)
        claims.isAdministrator = true
        #expect(test.accounts.caller(presenting: try forged()) == nil)
        claims.user = .administrator
        #expect(test.accounts.caller(presenting: try forged()) == nil)
        for header in ["", "Bearer ", "Bearer", "v2.public.", "Bearer v2.public.aaaa", token + "x"]
        {
            #expect(test.accounts.caller(presenting: header) == nil)
        }
        #expect(test.accounts.caller(presenting: String(repeating: token, count: 100)) == nil)
        #expect(test.accounts.caller(presenting: token) != nil)
    }

    @Test("refuse each forbidden act with its reason")
    func refusals() async throws {
        await expectRefusal("weak password") { try await test.create("joe", "weak") }
        await expectRefusal("the name is empty or begins with a zero byte") {
            try await test.create("", password)
        }
        await expectRefusal("the name is empty or begins with a zero byte") {
            try await test.delete("\0joe")
        }
        await expectRefusal("the name has 257 bytes, more than 256") {
            try await test.create(String(repeating: "n", count: 257), password)
        }
        await expectRefusal("no such user") { try await test.change("joe", password, "Passw1rd!") }
        await expectRefusal("no such user") { try await test.delete("joe") }
        try await test.create("joe", password)
        await expectRefusal("the user exists") { try await test.create("joe", password) }
        await expectRefusal("the user exists") { try await test.create("joe", "weak") }
        await expectRefusal("wrong old password") {
            try await test.change("joe", "Passw1rd!", "weak")
        }
        await expectRefusal("wrong old password") { try await test.change("joe", "", "weak") }
        await expectRefusal("weak password") { try await test.change("joe", password, "weak") }
        try await test.delete("joe")
        await expectRefusal("the user was deleted") { try await test.delete("joe") }
        await expectRefusal("the user was deleted") {
            try await test.change("joe", password, "Passw1rd!")
        }
    }

    @Test("distinguish users whose names look the same but have different bytes")
    func spelling() async throws {
        try await test.create("caf\u{e9}", password)
        try await test.create("cafe\u{301}", "Passw1rd!")
        _ = try await test.token("caf\u{e9}", password)
        await expectRefusal("wrong user or password") {
            _ = try await test.token("cafe\u{301}", password)
        }
    }

    @Test("let the administrator be deleted, and create a new one at the first login")
    func administratorDeleted() async throws {
        let first = try await test.firstLogin()
        let token = try await test.token("immu", first)
        try await test.delete("immu")
        #expect(test.accounts.caller(presenting: token) == nil)
        let second = try await test.firstLogin()
        #expect(second != first)
        #expect(test.accounts.caller(presenting: token) == nil)
        await expectRefusal("wrong user or password") { _ = try await test.token("immu", first) }
        _ = try await test.token("immu", second)
    }

    @Test("reset the administrator's password only while the server is stopped")
    func reset() async throws {
        var options = Accounts.Options()
        options.hashing = .cheap
        let first = try await test.firstLogin()
        let token = try await test.token("immu", first)
        #expect(throws: SystemFolderError.self) {
            try OfflineAccounts.reset(in: test.folder.path, options)
        }
        try test.accounts.close()
        let second = try OfflineAccounts.reset(in: test.folder.path, options)
        try test.reopen()
        #expect(test.accounts.caller(presenting: token) == nil)
        await expectRefusal("wrong user or password") { _ = try await test.token("immu", first) }
        _ = try await test.token("immu", second)
        #expect(try test.audit().contains { $0.action == .resetPassword && $0.from == "offline" })
        let none = TemporaryFolder()
        #expect(throws: SystemFolderError.self) {
            try OfflineAccounts.reset(in: none.path, options)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: none.path).isEmpty)
    }
}
