import ImmudbAccounts
import Logging
import RPCTransport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Divides the files that this process may have open, so that clients cannot take those that the
/// database needs.
///
/// The database comes first. Segments of the ledger get an eighth of the limit, at most 64; the key
/// index gets a quarter, at most 512. 40 are for standard files, threads' queues, the tree, the
/// lock, the log and files that are open for a moment; a sixteenth, at most 16, and 4 more are for
/// metrics; 30 are for the system's database. Connections get the rest.
public struct DescriptorBudget: Sendable {
    /// Includes eight of the system's database: its tree, its locks and the files that its index
    /// always has open.
    private static let otherCount =
        52 + Accounts.openSegmentCount + Accounts.openIndexFileCount
    private static let leastIndexFileCount = 20

    let segmentCount: Int
    let indexFileCount: Int
    let connectionCount: Int

    /// The most connections that ask for metrics.
    public static var metricsConnectionCount: Int {
        metricsConnectionCount(limit: openFileLimit() ?? 1024)
    }

    private static func metricsConnectionCount(limit: Int) -> Int { min(16, max(1, limit / 16)) }

    /// - Parameter limit: the number of files that this process may have open.
    /// - Throws: `ServerStartError` if the limit is too low for a database and one connection.
    init(limit: Int) throws(ServerStartError) {
        segmentCount = min(64, max(4, limit / 8))
        indexFileCount = min(512, max(Self.leastIndexFileCount, limit / 4))
        connectionCount =
            limit - segmentCount - indexFileCount - Self.otherCount
            - Self.metricsConnectionCount(limit: limit)
        guard connectionCount > 0 else {
            throw ServerStartError(
                "this process may have \(limit) files open, which is too few: allow it 160 or more, by "
                    + "ulimit -n or LimitNOFILE")
        }
    }

    /// Makes the budget from this process's limit. If connections get fewer than the default, logs
    /// how many.
    init(log: Logger) throws(ServerStartError) {
        let count = openFileLimit() ?? 1024
        try self.init(limit: count)
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
