/// The numbers in a server's metrics at one moment, as named properties.
///
/// For a metric that a server does not have, a property is nil or empty, so that an older server can be shown. Only
/// metrics that every immudb has are required.
public struct ServerStatistics: Equatable, Sendable {
    /// The database that the original shows: that of the first size in the metrics.
    public let databasePath: String
    public let uptimeHours: Double
    public let entryCount: UInt64
    /// The sizes of each database, in the order of the metrics.
    public let storage: [DatabaseStorage]
    /// The clients, sorted by address.
    public let clients: [ClientCalls]
    /// The methods, sorted by name.
    public let methods: [MethodCalls]
    /// Whether the server measures the duration of calls.
    public let hasDurations: Bool
    /// The calls with a status other than OK, by the name of the status.
    public let failedCalls: [NamedCount]
    /// The appends that failed after waiting, by reason.
    public let failedAppends: [NamedCount]
    public let takesWrites: Bool?
    public let answersReads: Bool?
    public let connectionCount: UInt64?
    public let waitingWriteCount: UInt64?
    public let waitingWriteByteCount: UInt64?
    /// The calls that wait for a thread, by class of work.
    public let waitingCalls: [NamedCount]
    /// The number of entries in commit groups.
    public let groups: Distribution?
    /// The duration of fdatasyncs in seconds.
    public let synchronizations: Distribution?
    /// The server's memory, part by part.
    public let memoryParts: [NamedCount]
    public let process: ProcessUse

    /// The bytes of a database on the disk.
    public struct DatabaseStorage: Equatable, Sendable {
        public let path: String
        /// The original's "VLog".
        public var ledgerByteCount: UInt64 = 0
        /// The original's "LSM".
        public var indexByteCount: UInt64 = 0
        public var treeByteCount: UInt64 = 0

        public var byteCount: UInt64 {
            [ledgerByteCount, indexByteCount, treeByteCount].reduce(0, sumOrMax)
        }
    }

    public struct ClientCalls: Equatable, Sendable {
        public let address: String
        public var callCount: UInt64 = 0
        /// Seconds since 1970.
        public var lastCall: Int64?
    }

    public struct NamedCount: Equatable, Sendable {
        public let name: String
        public var count: UInt64
    }

    /// The resource use of the server's process, as far as the server reports it.
    public struct ProcessUse: Equatable, Sendable {
        public var residentByteCount: UInt64?
        public var virtualByteCount: UInt64?
        public var processorSeconds: Double?
        public var openDescriptorCount: UInt64?
        public var descriptorLimit: UInt64?
        /// Seconds since 1970.
        public var start: Double?
    }

    /// - Throws: `MetricsError` if the text is not immudb's.
    public init(_ text: MetricsText) throws(MetricsError) {
        let metrics = MetricTable(text.samples)
        guard let hours = metrics.value("immudb_uptime_hours"), hours.isFinite, hours >= 0,
            let entries = metrics.count("immudb_number_of_stored_entries")
        else {
            throw MetricsError(
                .notMetrics,
                "the answer has no immudb_uptime_hours and immudb_number_of_stored_entries: it is not "
                    + "immudb's, or immudb has just started")
        }
        // The longest time in 64 bits of nanoseconds is 292 years.
        uptimeHours = min(hours, 2_000_000)
        entryCount = entries
        storage = Self.storage(metrics)
        databasePath = storage.first?.path ?? ""
        clients = Self.clients(metrics)
        methods = MethodCalls.all(metrics)
        hasDurations = methods.contains { $0.duration != nil }
        failedCalls = Self.counts(metrics, "grpc_server_handled_total", by: "grpc_code")
            .filter { $0.name != "OK" && $0.count > 0 }
        failedAppends = Self.counts(metrics, "immudb_failed_appends_total", by: "reason")
        takesWrites = metrics.truth("immudb_database_takes_writes")
        answersReads = metrics.truth("immudb_database_answers_reads")
        connectionCount = metrics.count("immudb_connections")
        waitingWriteCount = metrics.sum("immudb_pending_writes_total")
        waitingWriteByteCount = metrics.sum("immudb_pending_write_bytes")
        waitingCalls = Self.counts(metrics, "immudb_waiting_calls", by: "class")
        groups = Distribution(metrics, "immudb_commit_group_entries")
        synchronizations = Distribution(metrics, "immudb_fdatasync_seconds")
        memoryParts = Self.memoryParts(metrics)
        process = ProcessUse(
            residentByteCount: metrics.count("process_resident_memory_bytes"),
            virtualByteCount: metrics.count("process_virtual_memory_bytes"),
            processorSeconds: metrics.value("process_cpu_seconds_total").flatMap(Self.finite),
            openDescriptorCount: metrics.count("process_open_fds"),
            descriptorLimit: metrics.count("process_max_fds"),
            start: metrics.value("process_start_time_seconds").flatMap(Self.finite))
    }

    private static func storage(_ metrics: MetricTable) -> [DatabaseStorage] {
        var paths: [String] = []
        var storage: [String: DatabaseStorage] = [:]
        let parts: [(String, WritableKeyPath<DatabaseStorage, UInt64>)] = [
            ("immudb_lsm_size_bytes", \.indexByteCount),
            ("immudb_vlog_size_bytes", \.ledgerByteCount),
            ("immudb_tree_size_bytes", \.treeByteCount),
        ]
        for (name, part) in parts {
            for sample in metrics[name] {
                guard let size = count(sample.value) else { continue }
                let path = sample.label("database")
                if storage[path] == nil { paths.append(path) }
                storage[path, default: DatabaseStorage(path: path)][keyPath: part] = size
            }
        }
        return paths.compactMap { storage[$0] }
    }

    private static func clients(_ metrics: MetricTable) -> [ClientCalls] {
        var clients: [String: ClientCalls] = [:]
        for sample in metrics["immudb_number_of_rpcs_per_client"] {
            let address = sample.label("ip")
            clients[address, default: ClientCalls(address: address)].callCount =
                count(sample.value) ?? 0
        }
        for sample in metrics["immudb_clients_last_message_at_unix_seconds"] {
            clients[sample.label("ip")]?.lastCall = Int64(exactly: sample.value.rounded(.down))
        }
        return clients.values.sorted { $0.address < $1.address }
    }

    /// Returns the sums of a metric's samples by one of its labels, ordered by label.
    private static func counts(
        _ metrics: MetricTable, _ name: String, by label: String
    ) -> [NamedCount] {
        var counts: [String: UInt64] = [:]
        for sample in metrics[name] {
            counts[sample.label(label), default: 0] = sumOrMax(
                counts[sample.label(label)] ?? 0, count(sample.value) ?? 0)
        }
        return counts.map { NamedCount(name: $0.key, count: $0.value) }.sorted { $0.name < $1.name }
    }

    /// Returns the parts of `immudb_held_bytes` and `immudb_memory_bytes`, by their label `part`, and the waiting
    /// writes.
    private static func memoryParts(_ metrics: MetricTable) -> [NamedCount] {
        var parts: [NamedCount] = []
        for name in ["immudb_memory_bytes", "immudb_held_bytes"] {
            parts += counts(metrics, name, by: "part")
        }
        if let waiting = metrics.sum("immudb_pending_write_bytes") {
            parts.append(NamedCount(name: "waiting_writes", count: waiting))
        }
        return parts
    }
}
