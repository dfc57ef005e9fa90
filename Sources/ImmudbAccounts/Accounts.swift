import Crypto
public import ImmudbStore
public import StorageIO

/// The users of a server.
///
/// They are entries of the system's database, `immudbsys` in the data folder, which is append-only and
/// provable like any other; beside each change there is an entry about who made it. Changes are durable
/// before they are answered, and then hold for each call that begins.
///
/// Here is what is open and what a call presents; `Accounts+Login` lets users in, `Accounts+Changes` has
/// what an administrator does.
public final class Accounts: Sendable {
    /// The folder, and the key file, inside of the data folder.
    public static let databaseName = "immudbsys"
    public static let keyFileName = "immudbsys.key"
    /// How long a login holds, in seconds.
    public static let tokenLifetime: Int64 = 3_600
    /// Files that the system's database has open at most, beside its own of a fixed number.
    public static let openSegmentCount = 2
    public static let openIndexFileCount = 20

    public struct Options: Sendable {
        /// Shared with the data's database.
        public var resources: StoreResources?
        public var log: @Sendable (LogLevel, String) -> Void = { _, _ in }
        /// Told what keeps an audit entry from the disk where nothing else depends on it.
        public var auditFault: @Sendable (StoreError) -> Void = { _ in }
        public var cancellation: Cancellation?
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

    /// Opens the accounts of a data folder, and makes what is missing.
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

    /// Logins and changes that wait for their turn.
    public var waitingCount: Int { thread.waitingCount }

    /// Refuses the logins and changes that wait, and those that come, and finishes the one that runs. Tokens
    /// are still checked.
    public func endChanges() { thread.end() }

    /// As ``endChanges()``, and closes the database.
    public func close() throws(StoreError) {
        thread.end()
        try database.close()
    }

    // MARK: tokens

    /// Who presents that header, `Bearer <token>` or a token alone.
    ///
    /// Looks up a token that was verified before, and asks the clock and its user: no signature, no
    /// password. Cheap for a forged token, too: the number of its user's credentials is wrong.
    ///
    /// - Returns: nil if the token is not of this server, is over, or its user was deleted or has another
    ///   password.
    public func caller(presenting header: String) -> Caller? {
        guard header.utf8.count <= Self.tokenByteLimit else { return nil }
        let now = options.clock()
        if let known = verified[header] { return known.isGood(at: now) ? known.caller : nil }
        guard let token = verify(header, now) else { return nil }
        verified.insert(header, token, now: now)
        return token.caller
    }

    /// Tokens have some hundred bytes.
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

    /// A token for a user who has logged in.
    func token(for account: Account, _ number: UInt64) throws -> String {
        let claims = TokenClaims(
            user: account.name, isAdministrator: account.isAdministrator,
            expiry: options.clock() + Self.tokenLifetime, credentials: number)
        return try SignedMessage.token(claims.json, footer: Self.footer, signedBy: key.secret)
    }

    // MARK: what was done

    /// Takes note of an act of administration that was refused before it began.
    public func noteRefusal(_ action: AuditEntry.Action, from address: String, reason: String) {
        refusals.note(action, from: address, user: "", outcome: reason)
    }

    /// The audit entries that a filter takes, of the newest snapshot.
    public func auditWalk(_ filter: AuditFilter) throws(StoreError) -> AuditWalk {
        try AuditWalk(database.snapshot, filter)
    }
}

/// Who makes a call.
public struct Caller: Hashable, Sendable {
    public let name: UserName
    public let isAdministrator: Bool

    package init(name: UserName, isAdministrator: Bool) {
        self.name = name
        self.isAdministrator = isAdministrator
    }
}

/// Where a call comes from.
public struct Origin: Hashable, Sendable {
    /// With the port, for the audit log.
    public let address: String
    /// What attempts are counted by.
    public let host: String
    /// Whether it is this machine.
    public let isLocal: Bool
    /// The number of its connection.
    public let lane: Int

    public init(address: String, host: String, isLocal: Bool, lane: Int) {
        self.address = address
        self.host = host
        self.isLocal = isLocal
        self.lane = lane
    }
}
