import Foundation
import ImmudbStore
import Synchronization
import TestTools
import Testing

@testable import ImmudbAccounts

/// Accounts in a folder of their own, with cheap hashes and a clock that the test sets.
final class TestAccounts: Sendable {
    let folder = TemporaryFolder()
    private let now = Mutex<Int64>(WallClock.seconds())
    private let opened: Mutex<Accounts>

    static let password = "Passw0rd!"
    static let local = Origin(address: "127.0.0.1:4711", host: "127.0.0.1", isLocal: true, lane: 0)
    static let remote = Origin(
        address: "192.0.2.7:4711", host: "192.0.2.7", isLocal: false, lane: 1)

    var accounts: Accounts { opened.withLock { $0 } }

    init() throws {
        var options = Accounts.Options()
        options.hashing = .cheap
        opened = Mutex(try Accounts.open(in: folder.path, options: options))
        try reopen()
    }

    deinit { try? accounts.close() }

    func pass(seconds: Int64) { now.withLock { $0 += seconds } }

    func reopen() throws {
        try accounts.close()
        var options = Accounts.Options()
        options.hashing = .cheap
        options.clock = { [unowned self] in self.now.withLock { $0 } }
        let accounts = try Accounts.open(in: folder.path, options: options)
        opened.withLock { $0 = accounts }
    }

    // MARK: calls for tests

    func login(
        _ user: String, _ password: String, from origin: Origin = local,
        asAdministrator: Bool = false
    ) async throws -> LoginAnswer {
        let request = LoginRequest(
            user: Array(user.utf8), password: Array(password.utf8),
            isForAdministration: asAdministrator)
        return try await withCheckedContinuation { continuation in
            accounts.login(request, from: origin, isCancelled: { false }) {
                continuation.resume(returning: $0)
            }
        }.get()
    }

    func token(_ user: String, _ password: String) async throws -> String {
        guard case .token(let token) = try await login(user, password) else { throw NoToken() }
        return token
    }

    /// Creates the administrator, and returns the password.
    func firstLogin() async throws -> String {
        let answer = try await login("immu", "", asAdministrator: true)
        guard case .firstAdministrator(let password) = answer else { throw NoToken() }
        return password
    }

    func create(_ user: String, _ password: String) async throws {
        try await act {
            $0.createUser(Array(user.utf8), password: Array(password.utf8), by: $1, completion: $2)
        }
    }

    func change(_ user: String, _ old: String, _ new: String) async throws {
        try await act {
            $0.changePassword(
                of: Array(user.utf8), from: Array(old.utf8), to: Array(new.utf8), by: $1,
                completion: $2)
        }
    }

    func delete(_ user: String) async throws {
        try await act { $0.deleteUser(Array(user.utf8), by: $1, completion: $2) }
    }

    private func act(
        _ body: (
            Accounts, Accounts.Administrator,
            @escaping @Sendable (Result<UserName, AccountError>) -> Void
        ) -> Void
    ) async throws {
        let administrator = Accounts.Administrator(
            Caller(name: .administrator, isAdministrator: true), from: Self.local,
            mayAct: { true },
            isCancelled: { false })
        _ = try await withCheckedContinuation { continuation in
            body(accounts, administrator) { continuation.resume(returning: $0) }
        }.get()
    }

    func audit(_ filter: AuditFilter = AuditFilter()) throws -> [AuditEntry] {
        var walk = try accounts.auditWalk(filter)
        var entries: [AuditEntry] = []
        while !walk.isAtEnd { entries += try walk.nextPage().map(\.entry) }
        return entries
    }

    private struct NoToken: Error {}
}

/// Expects an error of accounts, by its words in the audit log.
func expectRefusal(
    _ words: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("no error, instead of \(words)", sourceLocation: sourceLocation)
    } catch let error as AccountError {
        #expect(error.words == words, sourceLocation: sourceLocation)
    } catch {
        Issue.record("\(error)", sourceLocation: sourceLocation)
    }
}
