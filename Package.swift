// swift-tools-version:6.1
import PackageDescription

/// One set of rules for every target: Swift 6 with complete concurrency checking, explicit `any`,
/// and imports that are internal unless a public declaration needs them.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioFoundationCompat = Target.Dependency.product(
    name: "NIOFoundationCompat", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")

let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")

let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "immudb",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .executable(name: "immudb", targets: ["immudb"]),
        .executable(name: "immugw", targets: ["immugw"]),
        .executable(name: "immuclient", targets: ["immuclient"]),
        .executable(name: "immuadmin", targets: ["immuadmin"]),
        .executable(name: "immutest", targets: ["immutest"]),
        .library(name: "ImmudbStore", targets: ["ImmudbStore"]),
        .library(name: "ImmudbGateway", targets: ["ImmudbGateway"]),
        .library(name: "ImmudbServer", targets: ["ImmudbServer"]),
        // The programs' log, for applications that embed a server.
        .library(name: "ServiceKit", targets: ["ServiceKit"]),
        .library(name: "ImmudbClient", targets: ["ImmudbClient"]),
        .library(name: "ImmudbVerification", targets: ["ImmudbVerification"]),
        .library(name: "ImmudbModel", targets: ["ImmudbModel"]),
        .library(name: "MerkleTree", targets: ["MerkleTree"]),
        // For the package of the fuzzers, in Fuzz.
        .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
    ],
    dependencies: [
        // Event loops, sockets and byte buffers below the gRPC transport.
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        // TLS for the transport's channels, by BoringSSL.
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        // Reading the certificates of files and peers, and making those of a new authority.
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        // The names and addresses in a certificate, which swift-certificates gives as values of it.
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        // The queues of the transport's workers: NIO's circular buffer copies what it gives out.
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.1.0"),
        // Files and the reasons of failures, in Swift's terms.
        .package(url: "https://github.com/apple/swift-system.git", from: "1.6.0"),
        // Messages of the wire: the runtime of the generated code.
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        // The interface by which the server records its metrics, so that an application that embeds it gets them in
        // its own backend.
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        // The interface by which it logs, for the same reason.
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        // The web server of the gateway, and of /metrics.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        // Of Hummingbird's own packages those whose types are in its interface: requests, their parts on a channel, and
        // what stops a server.
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        // Fetching /metrics; Hummingbird has it, too.
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        // Accounts: Ed25519 for tokens, scrypt for passwords, HMAC, and comparison in constant time. Certificates: keys for
        // new ones, and the fingerprints of peers'.
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        // Command lines of the executables.
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        // Config files in TOML and YAML. swift-configuration would do for neither: it cannot tell
        // which keys of a file no program knows, and takes the default for a value it cannot read.
        .package(url: "https://github.com/LebJe/TOMLKit.git", from: "0.6.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // MARK: C libraries, from the system's packages

        // The key index's LSM tree; the C interface is for the benchmarks.
        .systemLibrary(
            name: "CRocksDB", pkgConfig: "rocksdb",
            providers: [.apt(["librocksdb-dev"]), .brew(["rocksdb"])]),
        // HTTP/2 framing, HPACK and flow control.
        .systemLibrary(
            name: "CNghttp2", pkgConfig: "libnghttp2",
            providers: [.apt(["libnghttp2-dev"]), .brew(["nghttp2"])]),
        // SHA-256 without an allocation per digest.
        .systemLibrary(
            name: "CLibcrypto", pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        // Editing, history and completion of lines that are typed; macOS has it.
        .systemLibrary(
            name: "CLibedit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),

        // Terminals that are drawn on as a whole. Without pkg-config: what it says of ncursesw are macros, which
        // the package manager warns of.
        .systemLibrary(
            name: "CNcurses", providers: [.apt(["libncurses-dev"]), .brew(["ncurses"])]),

        // What programs and libraries need of the operating system: files that are replaced whole,
        // threads, queues between threads.
        .target(name: "POSIX", dependencies: [system], swiftSettings: settings),

        // MARK: the database

        // Where there is no libcrypto, on phones, CryptoKit hashes.
        .target(
            name: "MerkleTree",
            dependencies: [
                .target(name: "CLibcrypto", condition: .when(platforms: [.linux, .macOS]))
            ], swiftSettings: settings),
        // What store, verification and client share.
        .target(name: "ImmudbModel", dependencies: ["MerkleTree"], swiftSettings: settings),
        // The processor's instruction for CRC-32C, which Swift has no name for.
        .target(name: "CCRC32C"),
        .target(
            name: "StorageIO", dependencies: ["CCRC32C", "ImmudbModel", "POSIX"],
            swiftSettings: settings),
        // Backups as streams of bytes, and their verification; and the files that hold them.
        .target(
            name: "ImmudbBackup", dependencies: ["ImmudbModel", "MerkleTree", "StorageIO"],
            swiftSettings: settings),
        .target(
            name: "Ledger", dependencies: ["MerkleTree", "StorageIO"], swiftSettings: settings),
        // RocksDB's C++ interface in C: error codes, and a file system, threads and a log of the
        // caller's, none of which RocksDB's own C interface has. `CRocksDB` gives the compiler's
        // flags.
        .target(
            name: "RocksDBBridge", dependencies: ["CRocksDB"],
            linkerSettings: [.linkedLibrary("rocksdb")]),
        .target(
            name: "KeyIndex",
            dependencies: ["ImmudbModel", "MerkleTree", "RocksDBBridge", "StorageIO"],
            swiftSettings: settings),
        .target(
            name: "ImmudbStore",
            dependencies: [
                "ImmudbBackup", "ImmudbModel", "KeyIndex", "Ledger", "MerkleTree", "POSIX",
                "StorageIO", deque,
            ],
            swiftSettings: settings),

        // What a database does for callers of any wire.
        .target(
            name: "ImmudbOperations", dependencies: ["ImmudbStore", "POSIX"],
            swiftSettings: settings),

        // Users, passwords, tokens and the audit log, on a database of their own.
        .target(
            name: "ImmudbAccounts",
            dependencies: ["ImmudbStore", "POSIX", "StorageIO", crypto, cryptoExtras],
            swiftSettings: settings),

        // MARK: the wire

        .target(
            name: "RPCTransport",
            dependencies: [
                "CNghttp2", "POSIX", asn1, crypto, deque, nioCore, nioPosix, nioSSL, nioTLS,
                protobuf, system, x509,
            ],
            swiftSettings: settings),
        // An authority of one's own, with certificates for a server and its clients: files.
        .target(
            name: "MutualTLSFiles", dependencies: ["POSIX", asn1, crypto, system, x509],
            swiftSettings: settings),
        .target(
            name: "ImmudbProtocol", dependencies: [protobuf], exclude: ["Protos"],
            swiftSettings: settings),
        .target(
            name: "ImmudbServer",
            dependencies: [
                "ImmudbAccounts", "ImmudbBackup", "ImmudbModel", "ImmudbOperations",
                "ImmudbProtocol",
                "ImmudbStore", "MerkleTree", "POSIX", "RPCTransport", "StorageIO", coreMetrics,
                crypto, logging, nioCore, protobuf, system,
            ],
            swiftSettings: settings),
        // Metrics in memory, and Prometheus' text of them.
        .target(name: "PrometheusMetrics", dependencies: [coreMetrics], swiftSettings: settings),
        // What a client believes, and why: without the transport, for those who verify what somebody
        // else fetched.
        .target(
            name: "ImmudbVerification",
            dependencies: ["ImmudbModel", "ImmudbProtocol", "MerkleTree", crypto],
            swiftSettings: settings),
        .target(
            name: "ImmudbClient",
            dependencies: [
                "ImmudbModel", "ImmudbProtocol", "ImmudbVerification", "POSIX", "RPCTransport",
                protobuf,
            ],
            swiftSettings: settings),

        // MARK: the gateway

        // REST on the client that verifies: routes, their documents, the console.
        .target(
            name: "ImmudbGateway",
            dependencies: [
                "ImmudbClient", "ImmudbModel", "ImmudbProtocol", "ImmudbVerification", "MerkleTree",
                "POSIX", "PrometheusMetrics", "RPCTransport", coreMetrics, deque, hummingbird,
                hummingbirdCore, httpTypes, logging, nioCore, nioFoundationCompat,
                nioHTTPTypes, nioPosix, nioSSL, protobuf, serviceLifecycle,
            ],
            resources: [.embedInCode("Console/Assets"), .embedInCode("Docs/Assets")],
            swiftSettings: settings),

        // MARK: the processes

        // What every program of this package is: settings, commands, helps and man pages from one
        // definition; in the background if it is to be.
        .target(
            name: "ProgramKit", dependencies: ["POSIX", arguments, toml, yaml],
            swiftSettings: settings),
        // What programs that serve share: log, signals, pid file, detachment, one life from start to stop.
        .target(
            name: "ServiceKit",
            dependencies: ["POSIX", "ProgramKit", "StorageIO", logging, nioCore],
            swiftSettings: settings),
        // A program's metrics over HTTP, and whether it serves.
        .target(
            name: "MetricsHTTP",
            dependencies: [
                "PrometheusMetrics", "ServiceKit", hummingbird, hummingbirdCore, logging, nioCore,
                nioPosix, serviceLifecycle,
            ], swiftSettings: settings),
        // A person at the terminal: questions, lines that are typed, progress.
        .target(name: "Terminal", dependencies: ["CLibedit", "POSIX"], swiftSettings: settings),
        // The whole terminal as a grid of cells.
        .target(
            name: "TerminalScreen", dependencies: ["CNcurses", "POSIX"], swiftSettings: settings),
        // What a server's metrics say, as text and as a screen.
        .target(
            name: "ServerStatistics",
            dependencies: [
                "POSIX", "Terminal", "TerminalScreen", nioCore, nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: settings),

        // Programs as services of systemd: what is installed, and the commands that rule it.
        .target(
            name: "SystemServices", dependencies: ["POSIX", "Terminal", crypto],
            swiftSettings: settings),
        // The auditor: a client that does nothing but distrust a server.
        .target(
            name: "ImmudbAuditor",
            dependencies: [
                "ImmudbClient", "MerkleTree", "MetricsHTTP", "POSIX", "PrometheusMetrics",
                "RPCTransport", "ServiceKit", "StorageIO", coreMetrics, crypto, logging, nioCore,
                nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: settings),
        // What the command line clients share: connection, forms of output, failures, files that are written whole.
        .target(
            name: "ClientKit",
            dependencies: [
                "ImmudbClient", "ImmudbModel", "ImmudbProtocol", "MerkleTree", "POSIX",
                "ProgramKit", "RPCTransport", "Terminal", arguments,
            ],
            swiftSettings: settings),

        // What the commands `backup` and `restore` of two programs share.
        .target(
            name: "BackupTools",
            dependencies: [
                "ImmudbBackup", "ImmudbModel", "ImmudbProtocol", "MerkleTree", "POSIX",
                "ProgramKit",
                arguments, protobuf,
            ],
            swiftSettings: settings),

        // MARK: executables

        .executableTarget(
            name: "immudb",
            dependencies: [
                "BackupTools", "ImmudbAccounts", "ImmudbBackup", "ImmudbGateway", "ImmudbServer",
                "ImmudbStore", "MerkleTree", "MetricsHTTP", "POSIX", "ProgramKit",
                "PrometheusMetrics",
                "RPCTransport",
                "ServiceKit", "StorageIO", "Terminal", arguments, system,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "immugw",
            dependencies: [
                "ImmudbGateway", "ImmudbProtocol", "POSIX", "ProgramKit", "ServiceKit", arguments,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "immuclient",
            dependencies: [
                "ClientKit", "ImmudbAuditor", "ImmudbClient", "ImmudbProtocol", "MerkleTree",
                "POSIX",
                "ProgramKit", "RPCTransport", "ServiceKit", "Terminal", arguments,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "immuadmin",
            dependencies: [
                "BackupTools", "ClientKit", "ImmudbAccounts", "ImmudbBackup", "ImmudbClient",
                "ImmudbModel",
                "ImmudbProtocol", "MutualTLSFiles",
                "POSIX", "ProgramKit", "RPCTransport", "ServerStatistics", "SystemServices",
                "Terminal", "TerminalScreen", arguments,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "immutest",
            dependencies: [
                "ImmudbClient", "ImmudbProtocol", "MerkleTree", "POSIX", "ProgramKit", "Terminal",
                arguments,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "immudb-bench",
            dependencies: [
                "TestTools",
                "CNghttp2", "CRocksDB", "ImmudbAccounts", "ImmudbBackup", "ImmudbClient",
                "ImmudbProtocol", "ImmudbStore", "ImmudbVerification", "KeyIndex", "Ledger",
                "MerkleTree", "MutualTLSFiles", "POSIX", "RPCTransport", "StorageIO", httpTypes,
                hummingbird,
                hummingbirdCore, logging, nioCore, nioPosix, protobuf,
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Benchmarks/immudb-bench", swiftSettings: settings),
        .executableTarget(
            name: "EmbeddedDatabase", dependencies: ["ImmudbStore"],
            path: "Examples/EmbeddedDatabase", swiftSettings: settings),
        .executableTarget(
            name: "VerifiedClient", dependencies: ["ImmudbClient"],
            path: "Examples/VerifiedClient", swiftSettings: settings),

        // MARK: tests

        // Random numbers by seed.
        .target(
            name: "TestTools", path: "Tests/Support/TestTools", swiftSettings: settings),
        // Changes the files of a database as somebody who knows their format would.
        .target(
            name: "HexEditor", dependencies: ["MerkleTree", "StorageIO"],
            path: "Tests/Support/HexEditor", swiftSettings: settings),
        // A server with a ledger in memory that lies as it is told.
        .target(
            name: "LyingServer",
            dependencies: [
                "ImmudbClient", "ImmudbProtocol", "ImmudbVerification", "MerkleTree",
                "RPCTransport", crypto, protobuf,
            ],
            path: "Tests/Support/LyingServer", swiftSettings: settings),
        // Certificates: right, expired, of a stranger.
        .target(
            name: "TestCertificates", dependencies: ["MutualTLSFiles", "TestTools"],
            path: "Tests/Support/TestCertificates", swiftSettings: settings),
        // Programs that run beside the tests.
        .systemLibrary(name: "CSpawn", path: "Tests/Support/CSpawn"),
        .target(
            name: "ChildProcess", dependencies: ["CSpawn"], path: "Tests/Support/ChildProcess",
            swiftSettings: settings),
        // Threads for tests that compute or block for long.
        .target(
            name: "OwnThread", path: "Tests/Support/OwnThread", swiftSettings: settings),
        // Flags at every position of a program's command line.
        .target(
            name: "FlagPositions", dependencies: ["ProgramKit"],
            path: "Tests/Support/FlagPositions", swiftSettings: settings),
        // A disk in memory that loses power, fails calls and fills up.
        .target(
            name: "SimulatedDisk", dependencies: ["TestTools", "StorageIO"],
            path: "Tests/Support/SimulatedDisk", swiftSettings: settings),
        // What the fuzzers call; the tests run it on the corpus and the findings.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "TestTools",
                "ImmudbAccounts", "ImmudbAuditor", "ImmudbBackup", "ImmudbClient", "ImmudbProtocol",
                "ImmudbServer", "ImmudbStore", "ImmudbVerification", "Ledger", "MerkleTree",
                "ProgramKit", "RPCTransport", "ServiceKit", "SimulatedDisk", "StorageIO", crypto,
                logging, protobuf,
            ], path: "Tests/Support/FuzzTargets", swiftSettings: settings),
        .testTarget(
            name: "FuzzReplayTests",
            dependencies: ["TestTools", "FuzzTargets", "SimulatedDisk", "OwnThread"],
            swiftSettings: settings),
        .testTarget(
            name: "SimulatedDiskTests", dependencies: ["SimulatedDisk", "StorageIO"],
            swiftSettings: settings),
        // Writes until it is killed.
        .executableTarget(
            name: "crash-writer",
            dependencies: ["TestTools", "ImmudbStore", "MerkleTree", "StorageIO"],
            path: "Tests/Support/CrashWriter", swiftSettings: settings),
        .testTarget(
            name: "MerkleTreeTests", dependencies: ["TestTools", "MerkleTree", "OwnThread"],
            exclude: ["vectors.json"],
            swiftSettings: settings),
        .testTarget(
            name: "ImmudbModelTests", dependencies: ["ImmudbModel", "MerkleTree"],
            swiftSettings: settings),
        .testTarget(
            name: "POSIXTests", dependencies: ["POSIX", "TestTools"], swiftSettings: settings),
        .testTarget(
            name: "StorageIOTests", dependencies: ["CCRC32C", "StorageIO"], swiftSettings: settings),
        .testTarget(
            name: "LedgerTests",
            dependencies: [
                "TestTools", "Ledger", "MerkleTree", "SimulatedDisk", "StorageIO", "OwnThread",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "KeyIndexTests",
            dependencies: [
                "TestTools",
                "ImmudbModel", "KeyIndex", "MerkleTree", "POSIX", "StorageIO", "OwnThread",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ImmudbStoreTests",
            dependencies: [
                "HexEditor", "TestTools",
                "ImmudbStore", "KeyIndex", "Ledger", "MerkleTree", "POSIX", "SimulatedDisk",
                "StorageIO", "OwnThread",
            ],
            swiftSettings: settings),
        // The whole database on the simulated disk: crashes, failing calls, damage.
        .testTarget(
            name: "StoreFaultTests",
            dependencies: [
                "TestTools",
                "ImmudbStore", "MerkleTree", "POSIX", "SimulatedDisk", "StorageIO", "OwnThread",
            ],
            swiftSettings: settings),
        // Backups and restores, in memory and on the simulated disk.
        .testTarget(
            name: "BackupTests",
            dependencies: [
                "BackupTools", "ImmudbBackup", "ImmudbModel", "ImmudbServer", "ImmudbStore",
                "MerkleTree", "SimulatedDisk", "StorageIO", "TestTools", "OwnThread",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RPCTransportTests",
            dependencies: [
                "ChildProcess", "RPCTransport", "TestCertificates", "TestTools", nioCore, nioPosix,
                nioSSL, protobuf,
                // An event loop whose time the test sets.
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ], exclude: ["Peers"], swiftSettings: settings),
        .testTarget(
            name: "MutualTLSFilesTests",
            dependencies: ["MutualTLSFiles", "RPCTransport", "TestTools"],
            swiftSettings: settings),
        .testTarget(
            name: "ImmudbProtocolTests",
            dependencies: ["TestTools", "ImmudbProtocol", protobuf, "OwnThread"],
            swiftSettings: settings),
        .testTarget(
            name: "ImmudbOperationsTests",
            dependencies: [
                "HexEditor", "ImmudbOperations", "ImmudbStore", "MerkleTree", "TestTools",
                "OwnThread",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ImmudbAccountsTests",
            dependencies: [
                "ImmudbAccounts", "ImmudbStore", "SimulatedDisk", "TestTools", "OwnThread", crypto,
            ], swiftSettings: settings),
        .testTarget(
            name: "ImmudbServerTests",
            dependencies: [
                "TestTools",
                "ImmudbAccounts", "ImmudbBackup", "ImmudbOperations", "ImmudbServer",
                "ImmudbProtocol", "ImmudbStore", "RPCTransport", "MerkleTree", "PrometheusMetrics",
                "ServiceKit",
                "SimulatedDisk", "StorageIO", coreMetrics, crypto, logging, nioCore,
                protobuf, "OwnThread",
            ], swiftSettings: settings),
        .testTarget(
            name: "ImmudbClientTests",
            dependencies: [
                "LyingServer", "TestTools",
                "ImmudbClient", "ImmudbProtocol", "ImmudbVerification", "MerkleTree",
                "RPCTransport", crypto, nioCore, protobuf, "OwnThread",
            ], swiftSettings: settings),
        .testTarget(
            name: "ImmudbAuditorTests",
            dependencies: [
                "ImmudbAuditor", "ImmudbClient", "ImmudbProtocol", "LyingServer", "MerkleTree",
                "PrometheusMetrics", "RPCTransport", "ServiceKit", "SimulatedDisk", "StorageIO",
                "TestTools",
                crypto, logging, nioCore, nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: settings),
        .testTarget(
            name: "ImmudbGatewayTests",
            dependencies: [
                "ImmudbClient", "ImmudbGateway", "ImmudbProtocol", "LyingServer", "MerkleTree",
                "PrometheusMetrics",
                "RPCTransport", "TestTools", httpTypes, hummingbird, hummingbirdCore, logging,
                nioCore,
                nioPosix, protobuf,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: settings),
        .testTarget(
            name: "PrometheusMetricsTests", dependencies: ["PrometheusMetrics", coreMetrics],
            swiftSettings: settings),
        .testTarget(
            name: "ProgramKitTests",
            dependencies: ["ChildProcess", "POSIX", "ProgramKit", "TestTools", arguments],
            swiftSettings: settings),
        .testTarget(
            name: "ServiceKitTests",
            dependencies: ["ServiceKit", "StorageIO", "TestTools", logging],
            swiftSettings: settings),
        .testTarget(
            name: "ImmudbTests",
            dependencies: ["immudb", "FlagPositions", "ProgramKit", "OwnThread"],
            swiftSettings: settings),
        .testTarget(
            name: "ImmugwTests",
            dependencies: ["immugw", "FlagPositions", "ImmudbGateway", "ProgramKit", "OwnThread"],
            swiftSettings: settings),
        .testTarget(
            name: "ImmuclientTests",
            dependencies: [
                "ClientKit", "immuclient", "FlagPositions", "ImmudbClient", "MerkleTree",
                "ProgramKit",
                "RPCTransport", "TestTools", "OwnThread",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SystemServicesTests",
            dependencies: ["ChildProcess", "SystemServices", "TestTools"], swiftSettings: settings),
        .testTarget(
            name: "ImmuadminTests",
            dependencies: ["ClientKit", "immuadmin", "ProgramKit", "ServerStatistics", arguments],
            swiftSettings: settings),
        .testTarget(name: "TerminalTests", dependencies: ["Terminal"], swiftSettings: settings),
        .testTarget(
            name: "TerminalScreenTests", dependencies: ["TerminalScreen", "TestTools"],
            swiftSettings: settings),
        .testTarget(
            name: "ServerStatisticsTests",
            dependencies: [
                "ImmudbProtocol", "ImmudbServer", "PrometheusMetrics", "ServerStatistics",
                "POSIX", "TerminalScreen", "TestTools", coreMetrics,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ImmutestTests",
            dependencies: ["immutest", "FlagPositions", "ProgramKit", "OwnThread"],
            swiftSettings: settings),
        // Starts the real executables, hence needs them built.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "immudb", "immugw", "immuadmin", "immuclient", "immutest", "EmbeddedDatabase",
                "VerifiedClient", "crash-writer", "ChildProcess", "HexEditor", "ImmudbClient",
                "ImmudbProtocol", "MerkleTree",
                "MutualTLSFiles", "RPCTransport", "TestCertificates", "TestTools", crypto,
                nioCore, protobuf, "OwnThread",
            ], exclude: ["Python"], swiftSettings: settings),
        // The code of docs/store.md, docs/verification.md and docs/model.md.
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "ImmudbModel", "ImmudbStore", "ImmudbVerification", "MerkleTree", "TestTools",
            ], swiftSettings: settings),
    ],
    // RocksDB's headers want it.
    cxxLanguageStandard: .cxx17
)
