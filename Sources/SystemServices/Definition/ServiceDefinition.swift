// Services of systemd: immudb, immugw and the auditor. Read this file first: it defines a service. Then Plan/, which
// computes the steps without touching anything; Machine/, which carries them out; Control/, which interprets the
// command line.

/// A program that runs as a service, and the files that make it one.
///
/// The service's user owns only the files that the service writes: systemd creates its folders, with the right owner,
/// at each start. So no code here changes an owner.
public struct ServiceDefinition: Sendable {
    public let name: String
    /// The name of the service in commands.
    let word: String
    /// The program, and its arguments.
    let program: String
    let arguments: String
    /// The text of its config file, with comments.
    let configuration: String
    /// The folders that the process cannot see.
    let hiddenFolders: [String]

    /// The user of the services.
    static let user = "immu"
    /// The limit of open files of a process: 10,000 connections and the files of the database, with a reserve.
    static let openFileLimit = 16_384

    public static let all = [immudb, immugw, auditor]
    static var names: [String] { all.map(\.word) }

    /// - Throws: `ServiceError` that lists the names.
    public static func named(_ name: String) throws(ServiceError) -> ServiceDefinition {
        guard let service = all.first(where: { $0.word == name || $0.name == name }) else {
            throw ServiceError(
                "invalid service argument specified: \(name). Available list is "
                    + "[\(names.joined(separator: " "))]")
        }
        return service
    }
}

/// The paths of the files.
extension ServiceDefinition {
    static let configurationFolder = "/etc/immudb"
    static let logFolder = "/var/log/immudb"
    static let accountFile = "/etc/sysusers.d/immudb.conf"
    static let recordFile = configurationFolder + "/installed.json"

    var unit: String { "\(name).service" }
    var unitFile: String { "/etc/systemd/system/\(unit)" }
    /// The unit files of packages.
    var foreignUnitFiles: [String] {
        ["/usr/local/lib", "/usr/lib", "/lib"].map { "\($0)/systemd/system/\(unit)" }
    }
    var executable: String { "/usr/sbin/\(program)" }
    var configurationFile: String { "\(Self.configurationFolder)/\(name).toml" }
    var rotationFile: String { "/etc/logrotate.d/\(name)" }
    var manPage: String { "/usr/share/man/man1/\(program).1" }
    var logFile: String { "\(Self.logFolder)/\(name).log" }
    var dataFolder: String { "/var/lib/\(name)" }
    var pidFile: String { "/run/\(name)/\(name).pid" }
}

extension ServiceDefinition {
    static let immudb = ServiceDefinition(
        name: "immudb", word: "immudb", program: "immudb", arguments: "",
        configuration: """
            # Settings of the service immudb. immudb --help lists all of them.
            # After a change: systemctl restart immudb

            dir = "/var/lib/immudb"
            dbname = "data"
            address = "127.0.0.1"
            port = 3322

            # Empty: the journal (journalctl -u immudb).
            logfile = "/var/log/immudb/immudb.log"
            pidfile = "/run/immudb/immudb.pid"

            # Calls need the token of a user.
            auth = false

            # Only clients with a certificate of an authority in clientcas are let in. The user immu has to be able
            # to read the files.
            mtls = false
            certificate = "/etc/immudb/mtls/3_application/certs/localhost.cert.pem"
            pkey = "/etc/immudb/mtls/3_application/private/localhost.key.pem"
            clientcas = "/etc/immudb/mtls/2_intermediate/certs/ca-chain.cert.pem"

            """,
        hiddenFolders: [])

    static let immugw = ServiceDefinition(
        name: "immugw", word: "immugw", program: "immugw", arguments: "",
        configuration: """
            # Settings of the service immugw. immugw --help lists all of them.
            # After a change: systemctl restart immugw

            # Folder of the trusted root: not that of the server, which could change it there.
            dir = "/var/lib/immugw"
            address = "127.0.0.1"
            port = 3323
            immudb-address = "127.0.0.1"
            immudb-port = 3322

            # Empty: the journal (journalctl -u immugw).
            logfile = "/var/log/immudb/immugw.log"
            pidfile = "/run/immugw/immugw.pid"

            # Mutual TLS with the server. The user immu has to be able to read the files.
            mtls = false
            servername = "localhost"
            certificate = "/etc/immudb/mtls/4_client/certs/localhost.cert.pem"
            pkey = "/etc/immudb/mtls/4_client/private/localhost.key.pem"
            clientcas = "/etc/immudb/mtls/2_intermediate/certs/ca-chain.cert.pem"

            """,
        hiddenFolders: ["/var/lib/immudb"])

    static let auditor = ServiceDefinition(
        name: "immudb-auditor", word: "auditor", program: "immuclient",
        arguments: "audit-mode run ",
        configuration: """
            # Settings of the auditor's service. immuclient help audit-mode --all lists all of them.
            # After a change: systemctl restart immudb-auditor

            # Folder of its trusted root, its log of roots, its key and evidence: not where the server could change it.
            dir = "/var/lib/immudb-auditor"
            immudb-address = "127.0.0.1"
            immudb-port = 3322

            # A user who may read, if the server has users.
            audit-username = ""
            audit-password = ""

            audit-interval = "60s"
            audit-period = "7d"

            # Where the result of each round is sent by POST; other auditors, by commas.
            audit-notification-url = ""
            peers = ""

            # Metrics and roots.
            prometheus-host = "127.0.0.1"
            prometheus-port = 9477

            # The public key of the server's roots, if it signs them.
            server-signing-pub-key = ""

            # Empty: the journal (journalctl -u immudb-auditor).
            logfile = "/var/log/immudb/immudb-auditor.log"
            pidfile = "/run/immudb-auditor/immudb-auditor.pid"

            # Mutual TLS with the server. The user immu has to be able to read the files.
            mtls = false
            servername = "localhost"
            certificate = "/etc/immudb/mtls/4_client/certs/localhost.cert.pem"
            pkey = "/etc/immudb/mtls/4_client/private/localhost.key.pem"
            clientcas = "/etc/immudb/mtls/2_intermediate/certs/ca-chain.cert.pem"

            """,
        hiddenFolders: ["/var/lib/immudb"])
}
