import ImmudbStore
import POSIX
import Synchronization

/// All users there are or were: in memory for each call, on the system's database for good.
///
/// A change and the audit entry about it are one batch: both are durable, or neither is. The memory
/// follows when they are.
final class UserRegistry: Sendable {
    let database: Database
    private let accounts: Mutex<[UserName: Account]>

    /// Reads all users.
    ///
    /// - Throws: the database's errors; `corruption` for an entry that is no user.
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

    /// nil for a name that no user ever had.
    subscript(name: UserName) -> Account? { accounts.withLock { $0[name] } }

    /// Gives a user other credentials, or none, which deletes the user. Blocks until it is durable.
    ///
    /// - Throws: the database's errors; nothing has changed then but after `outcomeUnknown`, where the
    ///   next start tells.
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
