import ImmudbStore
import POSIX
import Synchronization

/// All current and former users: in memory for the checks of calls, durable in the system's
/// database.
///
/// A change and its audit entry are one batch: both are durable, or neither is. Memory is updated
/// when they are durable.
final class UserRegistry: Sendable {
    let database: Database
    private let accounts: Mutex<[UserName: Account]>

    /// Reads all users.
    ///
    /// - Throws: the database's errors; `corruption` for an entry that is not a user.
    init(_ database: Database) throws(StoreError) {
        self.database = database
        var accounts: [UserName: Account] = [:]
        var scan = try database.snapshot.keyScan(
            prefix: StoredUser.keyPrefix, room: AnswerRoom(byteLimit: .max))
        while !scan.isAtEnd {
            for entry in try scan.nextPage() {
                let account = try StoredUser.account(of: entry)
                accounts[account.name] = account
            }
        }
        self.accounts = Mutex(accounts)
    }

    /// The user with a name, or nil if no user ever had it.
    subscript(name: UserName) -> Account? { accounts.withLock { $0[name] } }

    /// Replaces a user's credentials; nil deletes the user. Blocks until the change is durable.
    ///
    /// - Throws: the database's errors. Nothing has changed then, except perhaps after
    ///   `outcomeUnknown`, as the next start shows.
    func change(
        _ name: UserName, to credentials: Credentials?, _ audit: AuditEntry
    ) throws(StoreError) {
        try database.appendWaiting([StoredUser.entry(name, credentials), audit.newEntry()])
        let account = accounts.withLock { accounts in
            if let account = accounts[name] { return account }
            let account = Account(name: name, credentials: nil)
            accounts[name] = account
            return account
        }
        account.replace(credentials)
    }
}

extension Database {
    /// Appends a batch, and waits until it is durable.
    func appendWaiting(_ entries: [NewEntry]) throws(StoreError) {
        let outcome = Monitor<Result<Appended, StoreError>?>(nil)
        append(entries) { result in outcome.change { $0 = result } }
        guard let result = outcome.wait({ $0 }) else {
            preconditionFailure("a wait without a limit")
        }
        _ = try result.get()
    }
}
