// swift-tools-version:6.1
import PackageDescription

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
        // Reads the certificates of files and peers, and issues those of a new authority.
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        // The types of the names and addresses that swift-certificates returns.
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        // The queues of the transport's workers: NIO's circular buffer copies the elements that it
        // returns.
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.1.0"),
        // File paths, descriptors and errno as Swift types.
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
        // Packages of Hummingbird with types that its interface uses: requests, their parts on a channel, graceful
        // shutdown.
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        // Fetches /metrics; Hummingbird depends on it, too.
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        // Accounts: Ed25519 for tokens, scrypt for passwords, HMAC, and comparison in constant time. Certificates:
        // keys for new ones, and fingerprints of those of peers.
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        // Command lines of the executables.
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        // Config files in TOML and YAML. swift-configuration suits neither: it cannot tell which
        // keys of a file are unknown, and uses the default for a value that it cannot read.
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
        // Editing, history and completion of typed lines; part of macOS.
        .systemLibrary(name: "CLibedit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),

        // Full-screen terminal output. Without pkg-config: for ncursesw it returns macro definitions, and SwiftPM
        // warns about those.
        .systemLibrary(
            name: "CNcurses", providers: [.apt(["libncurses-dev"]), .brew(["ncurses"])]),

        // Linux' names for the types of file systems.
        .systemLibrary(name: "CStatfs"),
        // The operating system for programs and libraries: atomic replacement of files, threads,
        // queues between threads.
        .target(name: "POSIX", dependencies: ["CStatfs", system]),

        // MARK: the database

        // Where there is no libcrypto, on phones, CryptoKit hashes.
        .target(
            name: "MerkleTree",
            dependencies: [
                .target(name: "CLibcrypto", condition: .when(platforms: [.linux, .macOS]))
            ]),
        // Shared by store, verification and client.
        .target(name: "ImmudbModel", dependencies: ["MerkleTree"]),
        // The processor's CRC-32C instruction, which Swift does not offer.
        .target(name: "CCRC32C"),
        .target(name: "StorageIO", dependencies: ["CCRC32C", "ImmudbModel", "POSIX"]),
        // Backups as streams of bytes, their verification, and their files.
        .target(name: "ImmudbBackup", dependencies: ["ImmudbModel", "MerkleTree", "StorageIO"]),
        .target(name: "Ledger", dependencies: ["MerkleTree", "StorageIO"]),
        // RocksDB's C++ interface in C: error codes, and the caller's file system, threads and log,
        // which RocksDB's own C interface lacks. `CRocksDB` gives the compiler's flags.
        .target(
            name: "RocksDBBridge", dependencies: ["CRocksDB"],
            linkerSettings: [.linkedLibrary("rocksdb")]),
        .target(
            name: "KeyIndex",
            dependencies: ["ImmudbModel", "MerkleTree", "RocksDBBridge", "StorageIO"]),
        .target(
            name: "ImmudbStore",
            dependencies: [
                "ImmudbBackup", "ImmudbModel", "KeyIndex", "Ledger", "MerkleTree", "POSIX",
                "StorageIO", deque,
            ]),

        // A database's operations, for callers of any wire.
        .target(name: "ImmudbOperations", dependencies: ["ImmudbStore", "POSIX"]),

        // Users, passwords, tokens and the audit log, in their own database.
        .target(
            name: "ImmudbAccounts",
            dependencies: ["ImmudbStore", "POSIX", "StorageIO", crypto, cryptoExtras]),

        // MARK: the wire

        .target(
            name: "RPCTransport",
            dependencies: [
                "CNghttp2", "POSIX", asn1, crypto, deque, nioCore, nioPosix, nioSSL, nioTLS,
                protobuf, system, x509,
            ]),
        // The files of a private certificate authority, with certificates for a server and its
        // clients.
        .target(name: "MutualTLSFiles", dependencies: ["POSIX", asn1, crypto, system, x509]),
        .target(name: "ImmudbProtocol", dependencies: [protobuf], exclude: ["Protos"]),
        .target(
            name: "ImmudbServer",
            dependencies: [
                "ImmudbAccounts", "ImmudbBackup", "ImmudbModel", "ImmudbOperations",
                "ImmudbProtocol", "ImmudbStore", "MerkleTree", "POSIX", "RPCTransport", "StorageIO",
                coreMetrics, crypto, logging, nioCore, protobuf, system,
            ]),
        // Metrics in memory, and their Prometheus text.
        .target(name: "PrometheusMetrics", dependencies: [coreMetrics]),
        // Verifies a server's answers, without the transport: also for programs that verify answers
        // which another program fetched.
        .target(
            name: "ImmudbVerification",
            dependencies: ["ImmudbModel", "ImmudbProtocol", "MerkleTree", crypto]),
        .target(
            name: "ImmudbClient",
            dependencies: [
                "ImmudbModel", "ImmudbProtocol", "ImmudbVerification", "POSIX", "RPCTransport",
                protobuf,
            ]),

        // MARK: the gateway

        // REST on the client that verifies: routes, their documents, the console.
        .target(
            name: "ImmudbGateway",
            dependencies: [
                "ImmudbClient", "ImmudbModel", "ImmudbProtocol", "ImmudbVerification", "MerkleTree",
                "POSIX", "PrometheusMetrics", "RPCTransport", coreMetrics, deque, httpTypes,
                hummingbird, hummingbirdCore, logging, nioCore, nioFoundationCompat, nioHTTPTypes,
                nioPosix, nioSSL, protobuf, serviceLifecycle,
            ],
            resources: [.embedInCode("Console/Assets"), .embedInCode("Docs/Assets")]),

        // MARK: the processes

        // Shared by all programs: settings, commands, help and man pages from one definition, and
        // running in the background.
        .target(name: "ProgramKit", dependencies: ["POSIX", arguments, toml, yaml]),
        // Shared by the programs that serve: log, signals, pid file, detaching, start and stop.
        .target(
            name: "ServiceKit",
            dependencies: ["POSIX", "ProgramKit", "StorageIO", logging, nioCore]),
        // A program's metrics and readiness over HTTP.
        .target(
            name: "MetricsHTTP",
            dependencies: [
                "PrometheusMetrics", "ServiceKit", hummingbird, hummingbirdCore, logging, nioCore,
                nioHTTPTypes, nioPosix, serviceLifecycle,
            ]),
        // Interaction at the terminal: prompts, line editing, progress.
        .target(name: "Terminal", dependencies: ["CLibedit", "POSIX"]),
        // The whole terminal as a grid of cells.
        .target(name: "TerminalScreen", dependencies: ["CNcurses", "POSIX"]),
        // A server's metrics as text and as a full-screen view.
        .target(
            name: "ServerStatistics",
            dependencies: [
                "POSIX", "Terminal", "TerminalScreen", nioCore, nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ]),

        // Programs as systemd services: installation, and the commands that manage them.
        .target(name: "SystemServices", dependencies: ["POSIX", "Terminal", crypto]),
        // The auditor: a client that audits a server.
        .target(
            name: "ImmudbAuditor",
            dependencies: [
                "ImmudbClient", "MerkleTree", "MetricsHTTP", "POSIX", "PrometheusMetrics",
                "RPCTransport", "ServiceKit", "StorageIO", coreMetrics, crypto, logging, nioCore,
                nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ]),
        // Shared by the command line clients: connection, output formats, failures, files that are written whole.
        .target(
            name: "ClientKit",
            dependencies: [
                "ImmudbClient", "ImmudbModel", "ImmudbProtocol", "MerkleTree", "POSIX",
                "ProgramKit",
                "RPCTransport", "Terminal", arguments,
            ]),
        // The parts that the commands `backup` and `restore` of two programs share.
        .target(
            name: "BackupTools",
            dependencies: [
                "ImmudbBackup", "ImmudbModel", "ImmudbProtocol", "MerkleTree", "POSIX",
                "ProgramKit", "StorageIO", arguments, protobuf,
            ]),

        // MARK: executables

        .executableTarget(
            name: "immudb",
            dependencies: [
                "BackupTools", "ImmudbAccounts", "ImmudbBackup", "ImmudbGateway", "ImmudbServer",
                "ImmudbStore", "MerkleTree", "MetricsHTTP", "POSIX", "ProgramKit",
                "PrometheusMetrics",
                "RPCTransport", "ServiceKit", "StorageIO", "Terminal", arguments, system,
            ]),
        .executableTarget(
            name: "immugw",
            dependencies: [
                "ImmudbGateway", "ImmudbProtocol", "POSIX", "ProgramKit", "ServiceKit", arguments,
            ]),
        .executableTarget(
            name: "immuclient",
            dependencies: [
                "ClientKit", "ImmudbAuditor", "ImmudbClient", "ImmudbProtocol", "MerkleTree",
                "POSIX", "ProgramKit", "RPCTransport", "ServiceKit", "Terminal", arguments,
            ]),
        .executableTarget(
            name: "immuadmin",
            dependencies: [
                "BackupTools", "ClientKit", "ImmudbAccounts", "ImmudbBackup", "ImmudbClient",
                "ImmudbModel", "ImmudbProtocol", "MutualTLSFiles", "POSIX", "ProgramKit",
                "RPCTransport",
                "ServerStatistics", "SystemServices", "Terminal", "TerminalScreen", arguments,
            ]),
        .executableTarget(
            name: "immutest",
            dependencies: [
                "ImmudbClient", "ImmudbProtocol", "MerkleTree", "POSIX", "ProgramKit", "Terminal",
                arguments,
            ]),
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
            path: "Benchmarks/immudb-bench"),
        .executableTarget(
            name: "EmbeddedDatabase", dependencies: ["ImmudbStore"],
            path: "Examples/EmbeddedDatabase"),
        .executableTarget(
            name: "VerifiedClient", dependencies: ["ImmudbClient"],
            path: "Examples/VerifiedClient"),

        // MARK: tests

        // Seeded random numbers.
        .target(name: "TestTools", path: "Tests/Support/TestTools"),
        // Changes the files of a database, as an attacker who knows their format would.
        .target(
            name: "HexEditor", dependencies: ["MerkleTree", "StorageIO"],
            path: "Tests/Support/HexEditor"),
        // A server with a ledger in memory that lies as a test tells it to.
        .target(
            name: "LyingServer",
            dependencies: [
                "ImmudbClient", "ImmudbProtocol", "ImmudbVerification", "MerkleTree",
                "RPCTransport", crypto, protobuf,
            ],
            path: "Tests/Support/LyingServer"),
        // Certificates: valid, expired, of an unknown authority.
        .target(
            name: "TestCertificates", dependencies: ["MutualTLSFiles", "TestTools"],
            path: "Tests/Support/TestCertificates"),
        // Programs that run beside the tests.
        .systemLibrary(name: "CSpawn", path: "Tests/Support/CSpawn"),
        .target(name: "ChildProcess", dependencies: ["CSpawn"], path: "Tests/Support/ChildProcess"),
        // Threads for tests that compute or block for a long time.
        .target(name: "OwnThread", path: "Tests/Support/OwnThread"),
        // Command lines with a flag at every position.
        .target(
            name: "FlagPositions", dependencies: ["ProgramKit"],
            path: "Tests/Support/FlagPositions"),
        // A disk in memory that loses power, fails calls and fills up.
        .target(
            name: "SimulatedDisk", dependencies: ["TestTools", "StorageIO"],
            path: "Tests/Support/SimulatedDisk"),
        // The functions that the fuzzers call; the tests run them on the corpus and the findings.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "ImmudbAccounts", "ImmudbAuditor", "ImmudbBackup", "ImmudbClient", "ImmudbProtocol",
                "ImmudbServer", "ImmudbStore", "ImmudbVerification", "Ledger", "MerkleTree",
                "ProgramKit", "RPCTransport", "ServiceKit", "SimulatedDisk", "StorageIO",
                "TestTools",
                crypto, logging, protobuf,
            ], path: "Tests/Support/FuzzTargets"),
        .testTarget(
            name: "FuzzReplayTests",
            dependencies: ["TestTools", "FuzzTargets", "SimulatedDisk", "OwnThread"]),
        .testTarget(name: "SimulatedDiskTests", dependencies: ["SimulatedDisk", "StorageIO"]),
        // A program that writes until it is killed.
        .executableTarget(
            name: "crash-writer",
            dependencies: ["TestTools", "ImmudbStore", "MerkleTree", "StorageIO"],
            path: "Tests/Support/CrashWriter"),
        .testTarget(
            name: "MerkleTreeTests", dependencies: ["TestTools", "MerkleTree", "OwnThread"],
            exclude: ["vectors.json"]),
        .testTarget(name: "ImmudbModelTests", dependencies: ["ImmudbModel", "MerkleTree"]),
        .testTarget(name: "POSIXTests", dependencies: ["POSIX", "TestTools"]),
        .testTarget(name: "StorageIOTests", dependencies: ["CCRC32C", "StorageIO", "TestTools"]),
        .testTarget(
            name: "LedgerTests",
            dependencies: [
                "Ledger", "MerkleTree", "OwnThread", "SimulatedDisk", "StorageIO", "TestTools",
            ]),
        .testTarget(
            name: "KeyIndexTests",
            dependencies: [
                "ImmudbModel", "KeyIndex", "MerkleTree", "OwnThread", "POSIX", "StorageIO",
                "TestTools",
            ]),
        .testTarget(
            name: "ImmudbStoreTests",
            dependencies: [
                "HexEditor", "ImmudbStore", "KeyIndex", "Ledger", "MerkleTree", "OwnThread",
                "POSIX", "SimulatedDisk", "StorageIO", "TestTools",
            ]),
        // The whole database on the simulated disk: crashes, failing calls, damage.
        .testTarget(
            name: "StoreFaultTests",
            dependencies: [
                "HexEditor", "ImmudbBackup", "ImmudbStore", "MerkleTree", "OwnThread", "POSIX",
                "SimulatedDisk", "StorageIO", "TestTools",
            ]),
        // Backups and restores, in memory and on the simulated disk.
        .testTarget(
            name: "BackupTests",
            dependencies: [
                "BackupTools", "ImmudbBackup", "ImmudbModel", "ImmudbServer", "ImmudbStore",
                "MerkleTree", "OwnThread", "SimulatedDisk", "StorageIO", "TestTools",
            ]),
        .testTarget(
            name: "RPCTransportTests",
            dependencies: [
                "ChildProcess", "RPCTransport", "TestCertificates", "TestTools", nioCore, nioPosix,
                nioSSL, protobuf,
                // An event loop whose time is set by the test.
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ], exclude: ["Peers"]),
        .testTarget(
            name: "MutualTLSFilesTests",
            dependencies: ["MutualTLSFiles", "RPCTransport", "TestTools"]),
        .testTarget(
            name: "ImmudbProtocolTests",
            dependencies: ["TestTools", "ImmudbProtocol", protobuf, "OwnThread"]),
        .testTarget(
            name: "ImmudbOperationsTests",
            dependencies: [
                "HexEditor", "ImmudbOperations", "ImmudbStore", "MerkleTree", "OwnThread",
                "TestTools",
            ]),
        .testTarget(
            name: "ImmudbAccountsTests",
            dependencies: [
                "ImmudbAccounts", "ImmudbStore", "OwnThread", "SimulatedDisk", "TestTools", crypto,
            ]),
        .testTarget(
            name: "ImmudbServerTests",
            dependencies: [
                "ImmudbAccounts", "ImmudbBackup", "ImmudbOperations", "ImmudbProtocol",
                "ImmudbServer", "ImmudbStore", "MerkleTree", "OwnThread", "PrometheusMetrics",
                "RPCTransport", "ServiceKit", "SimulatedDisk", "StorageIO", "TestTools",
                coreMetrics, crypto, logging, nioCore, protobuf,
            ]),
        .testTarget(
            name: "ImmudbClientTests",
            dependencies: [
                "ImmudbClient", "ImmudbProtocol", "ImmudbVerification", "LyingServer", "MerkleTree",
                "OwnThread", "RPCTransport", "TestTools", crypto, nioCore, protobuf,
            ]),
        .testTarget(
            name: "ImmudbAuditorTests",
            dependencies: [
                "ImmudbAuditor", "ImmudbClient", "ImmudbProtocol", "LyingServer", "MerkleTree",
                "PrometheusMetrics", "RPCTransport", "ServiceKit", "SimulatedDisk", "StorageIO",
                "TestTools",
                crypto, logging, nioCore, nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
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
            ]),
        .testTarget(
            name: "PrometheusMetricsTests", dependencies: ["PrometheusMetrics", coreMetrics]),
        .testTarget(
            name: "MetricsHTTPTests",
            dependencies: [
                "MetricsHTTP", "PrometheusMetrics", nioCore, nioPosix,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .testTarget(
            name: "ProgramKitTests",
            dependencies: ["ChildProcess", "POSIX", "ProgramKit", "TestTools", arguments]),
        .testTarget(
            name: "ServiceKitTests",
            dependencies: ["ServiceKit", "StorageIO", "TestTools", logging]),
        .testTarget(
            name: "ImmudbTests",
            dependencies: ["immudb", "FlagPositions", "ProgramKit", "OwnThread"]),
        .testTarget(
            name: "ImmugwTests",
            dependencies: ["immugw", "FlagPositions", "ImmudbGateway", "ProgramKit", "OwnThread"]),
        .testTarget(
            name: "ImmuclientTests",
            dependencies: [
                "ClientKit", "FlagPositions", "immuclient", "ImmudbClient", "MerkleTree",
                "OwnThread", "ProgramKit", "RPCTransport", "TestTools",
            ]),
        .testTarget(
            name: "SystemServicesTests",
            dependencies: ["ChildProcess", "SystemServices", "TestTools"]),
        .testTarget(
            name: "ImmuadminTests",
            dependencies: ["ClientKit", "immuadmin", "ProgramKit", "ServerStatistics", arguments]),
        .testTarget(name: "TerminalTests", dependencies: ["Terminal"]),
        .testTarget(name: "TerminalScreenTests", dependencies: ["TerminalScreen", "TestTools"]),
        .testTarget(
            name: "ServerStatisticsTests",
            dependencies: [
                "ImmudbProtocol", "ImmudbServer", "POSIX", "PrometheusMetrics", "ServerStatistics",
                "TerminalScreen", "TestTools", coreMetrics,
            ]),
        .testTarget(
            name: "ImmutestTests",
            dependencies: ["immutest", "FlagPositions", "ProgramKit", "OwnThread"]),
        // Starts the real executables, so they must be built first.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "ChildProcess", "crash-writer", "EmbeddedDatabase", "HexEditor", "immuadmin",
                "immuclient", "immudb", "ImmudbClient", "ImmudbProtocol", "immugw", "immutest",
                "LyingServer", "MerkleTree", "MutualTLSFiles", "OwnThread", "RPCTransport",
                "StorageIO",
                "TestCertificates", "TestTools", "VerifiedClient", crypto, nioCore, protobuf,
            ], exclude: ["Python"]),
        // Compiles the code of docs/store.md, docs/verification.md and docs/model.md.
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "ImmudbModel", "ImmudbStore", "ImmudbVerification", "MerkleTree", "TestTools",
            ]),
    ],
    // RocksDB's headers need it.
    cxxLanguageStandard: .cxx17
)

// One set of rules for every target in Swift: complete concurrency checking, explicit `any`, and imports that are
// internal unless a public declaration needs them.
let targetsInC: Set = ["CCRC32C", "RocksDBBridge"]
for target in package.targets where target.type != .system && !targetsInC.contains(target.name) {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
