package import ImmudbAccounts
public import ImmudbStore
import POSIX

/// The options with which an immudb server starts.
public struct ServerOptions: Hashable, Sendable {
    /// The folder of all data: the identifier file and one folder for each database.
    public var directory: String
    /// The address to listen on, a name or a number. An IPv6 address may be in brackets.
    public var address: String
    /// The port to listen on. 0 takes any free port.
    public var port: Int
    /// The name of the database: a plain folder name inside `directory`.
    public var databaseName: String
    /// Whether calls need the token of a user.
    public var isAuthenticating = false
    /// The time at which writes become durable.
    public var durability = Durability.always
    /// For tests: cheaper hashes of passwords.
    package var passwordHashing = PasswordHash.Parameters.standard
    /// The largest request that the server accepts, in bytes.
    public var maxReceiveMessageByteCount = defaultMaxReceiveMessageByteCount
    /// The address at which the process serves its metrics; if empty, `address`.
    public var metricsAddress = ""
    public var metricsPort = defaultMetricsPort
    /// The check of all entries while the server runs; nil for none.
    public var selfCheck: Database.SelfCheckOptions? = .init()
    /// Whether intact entries are served although others are damaged; writes are then refused.
    public var servesDamaged = false
    /// TLS by which clients and server authenticate each other.
    public var mutualTLS = MutualTLSOptions()
    /// The PEM file with the private key, on the curve P-256, that signs roots; empty if they are not signed.
    public var signingKeyFile = ""
    /// How long a restore waits for the next piece of its backups.
    package var restoreIdleLimit = Duration.seconds(60)
    /// The number of open files that are reserved for a gateway in the same process.
    package var gatewayConnectionCount = 0
    /// The options of the process, for the log.
    public var process = ProcessOptions()

    public static let defaultDirectory = "./db"
    public static let defaultAddress = "127.0.0.1"
    public static let defaultPort = 3322
    public static let defaultMetricsPort = 9497
    public static let defaultDatabaseName = "immudb"
    public static let defaultMaxReceiveMessageByteCount = 32 << 20
    /// The lower bound fits the smallest kind of request, the upper bound somewhat more than the
    /// store's largest batch: a whole request is in memory several times.
    public static let maxReceiveMessageByteCountRange = 4 << 10...256 << 20

    private static let gatewayFolderName = "immudb.gateway"

    /// The names beside the database: the users, the key that signs their tokens, the identifier, and the folder of a
    /// gateway in the same process. They are in lower case, and compared without case, since some file systems ignore
    /// case.
    public static let reservedNames = [
        Accounts.databaseName, Accounts.keyFileName, "immudb.identifier", gatewayFolderName,
    ]

    public init(
        directory: String = defaultDirectory, address: String = defaultAddress,
        port: Int = defaultPort, databaseName: String = defaultDatabaseName
    ) {
        self.directory = directory
        self.address = address
        self.port = port
        self.databaseName = databaseName
    }

    /// The address without brackets, for system calls.
    var host: String { withoutBrackets(address) }

    /// The address of the metrics without brackets.
    public var metricsHost: String {
        withoutBrackets(metricsAddress.isEmpty ? address : metricsAddress)
    }

    /// The largest answer. It is as large as the largest request, so that a stored entry can be
    /// read.
    var maxAnswerByteCount: Int {
        max(Self.defaultMaxReceiveMessageByteCount, maxReceiveMessageByteCount)
    }

    /// The folder of the database.
    public var databasePath: String { path(databaseName) }

    /// What the folders begin with that are made beside the database and removed again; no database has such a name.
    var hiddenDatabasePath: String { path(".\(databaseName)") }

    /// The folder of the system's database, which has the users.
    public var systemDatabasePath: String { path(Accounts.databaseName) }
    var systemKeyPath: String { path(Accounts.keyFileName) }

    /// The folder in which a gateway in the same process keeps its trusted roots.
    package var gatewayDirectory: String { path(Self.gatewayFolderName) }

    private func path(_ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : directory + "/" + name
    }

    /// The folder of the database as the label `database` of metrics.
    var databaseLabel: String { Self.label(databasePath) }
    var systemDatabaseLabel: String { Self.label(systemDatabasePath) }

    private static func label(_ path: String) -> String {
        var label = path[...]
        while label.hasPrefix("./") { label = label.dropFirst(2) }
        return String(label)
    }

    /// Checks the options.
    ///
    /// - Throws: `ServerStartError` that names the first invalid option and its value.
    public func validate() throws(ServerStartError) {
        guard !directory.isEmpty, !directory.utf8.contains(0) else {
            throw ServerStartError("invalid data folder \"\(directory)\": give a path with --dir")
        }
        guard (0...65535).contains(port) else {
            throw ServerStartError(
                "invalid port \(port): give a number from 0 to 65535 with --port")
        }
        let isPlain = !databaseName.unicodeScalars.contains { scalar in
            scalar == "/" || scalar.properties.generalCategory == .control
        }
        guard isPlain, !["", ".", ".."].contains(databaseName),
            !RestoreStage.usesName(databaseName),
            !Self.reservedNames.contains(databaseName.lowercased())
        else {
            throw ServerStartError(
                "invalid database name \"\(databaseName)\": give the name of a folder, without "
                    + "slashes and control characters, with --dbname; .*.restoring, .*.restored, .*.replaced, "
                    + Self.reservedNames.joined(separator: ", ") + " are reserved")
        }
        let range = Self.maxReceiveMessageByteCountRange
        guard range.contains(maxReceiveMessageByteCount) else {
            throw ServerStartError(
                "invalid message size \(maxReceiveMessageByteCount): give a number from "
                    + "\(range.lowerBound) to \(range.upperBound) with --max-recv-msg-size")
        }
    }
}

/// Mutual TLS of a server: whether it is on, and its PEM files.
public struct MutualTLSOptions: Hashable, Sendable {
    public var isOn = false
    /// The file of the server's certificate, followed by the intermediate certificates up to an
    /// authority that clients know.
    public var certificate = "./tools/mtls/3_application/certs/localhost.cert.pem"
    /// The file of the certificate's private key, not encrypted.
    public var key = "./tools/mtls/3_application/private/localhost.key.pem"
    /// The file of the authorities whose clients are admitted.
    public var clientAuthorities = "./tools/mtls/2_intermediate/certs/ca-chain.cert.pem"

    public init() {}
}

/// The reason why a server did not start, as a message for the operator, with advice if there is
/// any.
public struct ServerStartError: Error, Hashable, CustomStringConvertible {
    public let message: String
    /// Whether the caller itself cancelled the start.
    public let isCancellation: Bool

    public init(_ message: String, isCancellation: Bool = false) {
        self.message = message
        self.isCancellation = isCancellation
    }

    public var description: String { message }
}
