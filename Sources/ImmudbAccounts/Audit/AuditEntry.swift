import ImmudbStore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What somebody did, or tried, as an administrator.
public struct AuditEntry: Hashable, Sendable, Codable {
    /// What can be done.
    public enum Action: String, Hashable, Sendable, Codable, CaseIterable {
        /// The administrator was made, with a password that nobody chose.
        case firstLogin = "first-login"
        case login
        case createUser = "create-user"
        case changePassword = "change-password"
        case deleteUser = "delete-user"
        /// The entries themselves were asked for: there are entries of refused attempts only.
        case auditLog = "audit-log"
        /// A new password was set while the server was stopped.
        case resetPassword = "reset-password"
    }

    /// In microseconds since 1970, by the server's clock.
    public var time: Int64
    public var action: Action
    /// Who; empty where nobody proved who it is.
    public var by: String
    /// Address and port; `offline` for what was done in the folder itself.
    public var from: String
    /// The user it was done to; empty where that is nobody, or not known.
    public var user: String
    /// `done`, or why not.
    public var outcome: String
    /// Refused attempts before this one that have no entry of their own, since there were too many.
    public var omitted: Int

    /// What `outcome` says of what was done.
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

    // MARK: as it is stored

    /// The keys of audit entries. Behind it come the time, so that their order is that of time, and a random
    /// number, since two may have the same.
    static let keyPrefix = Array("audit/".utf8)

    /// Where entries of that time begin.
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
                .corruption, "entry \(entry.index) of the system's database is no audit entry",
                cause: error)
        }
    }
}
