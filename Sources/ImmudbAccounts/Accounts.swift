import Crypto
public import ImmudbStore
public import StorageIO

/// The users of a server.
///
/// They are entries of the system's database, `immudbsys` in the data folder, which is append-only
/// and provable like any other. Each change comes with an audit entry that names its author. A
/// change is durable before it is answered, and applies to each call that begins after that.
///
/// This file opens the accounts and checks tokens. `Accounts+Login` logs users in,
/// `Accounts+Changes` has the operations of an administrator.
public final class Accounts: Sendable {
    /// The names of the folder and of the key file inside the data folder.
    public static let databaseName = "immudbsys"
    public static let keyFileName = "immudbsys.key"
    /// The number of seconds that a token is valid.
    public static let tokenLifetime: Int64 = 3_600
    /// The maximum number of segments and index files that the system's database has open, besides
    /// a fixed number of other files.
    public static let openSegmentCount = 2
    public static let openIndexFileCount = 20

    public struct Options: Sendable {
        /// The resources shared with the data's database.
        public var resources: StoreResources?
        public var log: @Sendable (LogLevel, String) -> Void = { _, _ in }
        /// Receives the error of an audit entry that could not be written, if no operation fails
        /// because of it.
        public var auditFault: @Sendable (StoreError) -> Void = { _ in }
        public var cancellation: Cancellation?
        /// The check of all entries while the accounts are open; nil for none.
        public var selfCheck: Database.SelfCheckOptions?
        /// Whether to open damaged accounts with the entries that are intact.
        public var servesDamaged = false
        /// For tests: another file system below the database.
        package var fileSystem: any FileSystem = POSIXFileSystem()
        /// For tests: cheap hashes, and another clock, in seconds.
        package var hashing = PasswordHash.Parameters.standard
        package var clock: @Sendable () -> Int64 = WallClock.seconds

        public init() {}
    }

    /// The system's database.
    public let database: Database
    let registry: UserRegistry
    let thread: HashingThread
    let memory = PasswordMemory()
    let refusals: RefusalAudit
    let options: Options
    private let key: SigningKey
    private let verified = VerifiedTokens()

    /// Opens the accounts of a data folder, and creates what is missing.
    ///
    /// - Throws: `SystemFolderError`; nothing stays open then.
    public static func open(
        in directory: String, options: Options = Options()
    ) throws(SystemFolderError) -> Accounts {
        let key = try SigningKey.loadOrCreate(
            SystemFolder.keyFile(in: directory), log: options.log)
        let database = try SystemFolder.open(in: directory, options)
        do throws(StoreError) {
            return try Accounts(database, key, options)
        } catch {
            try? database.close()
            throw SystemFolderError("\(error)")
        }
    }

    init(_ database: Database, _ key: SigningKey, _ options: Options) throws(StoreError) {
        self.database = database
        self.key = key
        self.options = options
        registry = try UserRegistry(database)
        refusals = RefusalAudit(database, fault: options.auditFault)
        thread = try HashingThread()
    }

    /// The number of logins and changes that wait for their turn.
    public var waitingCount: Int { thread.waitingCount }

    /// Refuses the logins and changes that wait, and all new ones, and waits for the one that runs.
    /// Tokens are still checked.
    public func endChanges() { thread.end() }

    /// Calls ``endChanges()``, then closes the database.
    public func close() throws(StoreError) {
        thread.end()
        try database.close()
    }

    // MARK: tokens

    /// Returns the caller with this header: `Bearer <token>`, or a token alone.
    ///
    /// For a token that was verified before, checks only its expiry and its user, without a
    /// signature or a password. A forged token is cheap, too: the number of its user's credentials
    /// is wrong.
    ///
    /// - Returns: nil if this server did not issue the token, if it has expired, or if its user was
    ///   deleted or has another password.
    public func caller(presenting header: String) -> Caller? {
        guard header.utf8.count <= Self.tokenByteLimit else { return nil }
        let now = options.clock()
        if let known = verified[header] { return known.isGood(at: now) ? known.caller : nil }
        guard let token = verify(header, now) else { return nil }
        verified.insert(header, token, now: now)
        return token.caller
    }

    /// Longer tokens are refused. Tokens have a few hundred bytes.
    private static let tokenByteLimit = 4_096
    private static let scheme = Array("Bearer ".utf8)
    private static let footer = Array("immudb".utf8)

    private func verify(_ header: String, _ now: Int64) -> VerifiedTokens.Token? {
        let bytes = Array(header.utf8)
        let token =
            bytes.starts(with: Self.scheme) ? bytes.dropFirst(Self.scheme.count) : bytes[...]
        guard let signed = SignedMessage(token),
            let claims = TokenClaims(json: signed.message, now: now),
            let account = registry[claims.user],
            account.isAdministrator == claims.isAdministrator,
            account.isCurrent(claims.credentials), now < claims.expiry,
            signed.isSigned(by: key.public)
        else { return nil }
        return VerifiedTokens.Token(
            account: account,
            caller: Caller(name: claims.user, isAdministrator: account.isAdministrator),
            expiry: claims.expiry, credentials: claims.credentials)
    }

    /// Makes a token for a user who has logged in.
    func token(for account: Account, _ number: UInt64) throws -> String {
        let claims = TokenClaims(
            user: account.name, isAdministrator: account.isAdministrator,
            expiry: options.clock() + Self.tokenLifetime, credentials: number)
        return try SignedMessage.token(claims.json, footer: Self.footer, signedBy: key.secret)
    }

    // MARK: audit

    /// Notes an act of administration that was refused before it began.
    public func noteRefusal(_ action: AuditEntry.Action, from address: String, reason: String) {
        refusals.note(action, from: address, user: "", outcome: reason)
    }

    /// Records that an administrator has started a backup.
    ///
    /// - Parameter completion: called when the record is durable, or with the reason why it is not.
    public func noteBackup(
        by caller: Caller, from address: String,
        completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        let entry = AuditEntry(.backup, by: caller.name.description, from: address, user: "")
        database.append([entry.newEntry()]) { completion($0.map { _ in }) }
    }

    /// Records that an administrator restores backups into the running server. Blocks until the record is durable.
    ///
    /// - Parameter tree: the root that is restored.
    public func recordRestore(
        of tree: TrustedRoot, by caller: Caller, from address: String
    ) throws(StoreError) {
        let entry = AuditEntry(
            .restore, by: caller.name.description, from: address, user: "",
            outcome: "\(AuditEntry.done), root \(tree.text)")
        try database.appendWaiting([entry.newEntry()])
    }

    /// Returns a walk over the audit entries in the newest snapshot that match a filter.
    public func auditWalk(_ filter: AuditFilter) throws(StoreError) -> AuditWalk {
        try AuditWalk(database.snapshot, filter)
    }
}

/// The user who makes a call.
public struct Caller: Hashable, Sendable {
    public let name: UserName
    public let isAdministrator: Bool

    package init(name: UserName, isAdministrator: Bool) {
        self.name = name
        self.isAdministrator = isAdministrator
    }
}

/// The origin of a call.
public struct Origin: Hashable, Sendable {
    /// Address and port, for the audit log.
    public let address: String
    /// The unit by which attempts are counted: an address, or a network of IPv6.
    public let host: String
    /// Whether the call comes from this machine.
    public let isLocal: Bool
    /// The number of the call's connection.
    public let lane: Int

    public init(address: String, host: String, isLocal: Bool, lane: Int) {
        self.address = address
        self.host = host
        self.isLocal = isLocal
        self.lane = lane
    }
}
