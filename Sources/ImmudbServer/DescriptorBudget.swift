import ImmudbAccounts
import Logging
import POSIX
import RPCTransport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Divides the open files of this process, so that clients cannot use those that the database
/// needs.
///
/// The database comes first: an eighth of the limit, at most 64, for segments of the ledger, and a
/// quarter, at most 512, for the key index. 40 are for standard streams, threads' queues, the tree, the lock, the log
/// and files that are open briefly; a sixteenth, at most 16, and 4 are for metrics; 30 are for the system's database;
/// a sixteenth, at most 4,096, is for a gateway in the same process, if there is one. Connections get the rest.
public struct DescriptorBudget: Sendable {
    /// Includes eight files of the system's database: its tree, its locks and the files that its
    /// index always has open.
    private static let otherCount =
        52 + Accounts.openSegmentCount + Accounts.openIndexFileCount
    private static let leastIndexFileCount = 20

    let segmentCount: Int
    let indexFileCount: Int
    let connectionCount: Int

    /// The maximum number of connections for metrics.
    public static var metricsConnectionCount: Int {
        metricsConnectionCount(limit: openFileLimit() ?? 1024)
    }

    /// The maximum number of connections of a gateway in the same process.
    public static var gatewayConnectionCount: Int {
        min(4_096, max(4, (openFileLimit() ?? 1024) / 16))
    }

    private static func metricsConnectionCount(limit: Int) -> Int { min(16, max(1, limit / 16)) }

    /// - Parameters:
    ///   - limit: the limit of open files of this process.
    ///   - gatewayCount: the number of files for a gateway.
    /// - Throws: `ServerStartError` if the limit is too low for a database and one connection.
    init(limit: Int, gatewayCount: Int = 0) throws(ServerStartError) {
        segmentCount = min(64, max(4, limit / 8))
        indexFileCount = min(512, max(Self.leastIndexFileCount, limit / 4))
        connectionCount =
            limit - segmentCount - indexFileCount - Self.otherCount
            - Self.metricsConnectionCount(limit: limit) - gatewayCount
        guard connectionCount > 0 else {
            throw ServerStartError(
                "this process may have \(limit) files open, which is too few: allow it 160 or more, by "
                    + "ulimit -n or LimitNOFILE")
        }
    }

    /// Makes the budget for this process's limit, and logs the number of connections.
    init(log: Logger, gatewayCount: Int = 0) throws(ServerStartError) {
        let count = openFileLimit() ?? 1024
        try self.init(limit: count, gatewayCount: gatewayCount)
        if connectionCount < RPCServer.Configuration.defaultMaxConnections {
            log.info(
                """
                connections: \(connectionCount) at most, as this process may have \(count) files open and \
                the database needs \(count - connectionCount) of them
                """)
        }
    }
}

/// The size of a segment in tests that need many of them, from `IMMUDB_TEST_SEGMENT_BYTES`: 128 MiB
/// take long to fill.
func testSegmentByteCount() -> UInt64? {
    getenv("IMMUDB_TEST_SEGMENT_BYTES").flatMap { UInt64(String(cString: $0)) }.flatMap {
        (4096...128 << 20).contains($0) ? $0 : nil
    }
}
