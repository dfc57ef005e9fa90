import ImmudbStore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An act of administration, done or attempted.
public struct AuditEntry: Hashable, Sendable, Codable {
    /// The kind of act.
    public enum Action: String, Hashable, Sendable, Codable, CaseIterable {
        /// The administrator was created, with a generated password.
        case firstLogin = "first-login"
        case login
        case createUser = "create-user"
        case changePassword = "change-password"
        case deleteUser = "delete-user"
        /// The audit entries were read. Only refused attempts have an entry.
        case auditLog = "audit-log"
        /// A new password was set while the server was stopped.
        case resetPassword = "reset-password"
        /// A backup of the data was started, through the server.
        case backup
        /// The data was restored from backups, into a new folder or through the server.
        case restore
    }

    /// The time in microseconds since 1970, by the server's clock.
    public var time: Int64
    public var action: Action
    /// The user who acted; empty if no user was authenticated.
    public var by: String
    /// Address and port, or `offline` for an act in the folder itself.
    public var from: String
    /// The user that the act affects; empty if there is none, or the name is unknown.
    public var user: String
    /// `done`, or the reason of the failure. For a restore also the root, after a comma.
    public var outcome: String
    /// The number of refused attempts before this one that have no entry, since there were too
    /// many.
    public var omitted: Int

    /// The `outcome` of an act that succeeded.
    public static let done = "done"
    public static let offline = "offline"

    init(
        _ action: Action, by: String, from: String, user: String, outcome: String = done,
        omitted: Int = 0, time: Int64 = WallClock.microseconds()
    ) {
        self.time = time
        self.action = action
        self.by = by
        self.from = from
        self.user = user
        self.outcome = outcome
        self.omitted = omitted
    }

    // MARK: stored form

    /// The prefix of the keys of audit entries. The time follows, which orders the keys by time,
    /// and a random number, since two entries may have the same time.
    static let keyPrefix = Array("audit/".utf8)

    /// Returns the first key of a time.
    static func key(at time: Int64) -> [UInt8] {
        keyPrefix + hexadecimal(UInt64(clamping: time)).utf8
    }

    func newEntry() -> NewEntry {
        NewEntry(
            key: Self.key(at: time) + "-\(hexadecimal(.random(in: 0 ... .max)))".utf8,
            value: encodedJSON(self))
    }

    /// - Throws: `corruption` that names the entry.
    init(_ entry: Entry) throws(StoreError) {
        do {
            self = try JSONDecoder().decode(AuditEntry.self, from: Data(entry.value))
        } catch {
            throw StoreError(
                .corruption, "entry \(entry.index) of the system's database is not an audit entry",
                cause: error)
        }
    }
}
