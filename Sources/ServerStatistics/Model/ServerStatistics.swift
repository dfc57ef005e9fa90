/// What a server's metrics say at one moment: numbers with names of their own, for people and programs.
///
/// A metric that a server does not have leaves nil or nothing: an older server is shown as far as it tells. Only what
/// every immudb tells has to be there.
public struct ServerStatistics: Equatable, Sendable {
    /// The database that the original shows: the one whose size comes first.
    public let databasePath: String
    public let uptimeHours: Double
    public let entryCount: UInt64
    /// By database, in the order of the metrics.
    public let storage: [DatabaseStorage]
    /// By address.
    public let clients: [ClientCalls]
    /// By name.
    public let methods: [MethodCalls]
    /// Whether the server measures how long calls take.
    public let hasDurations: Bool
    /// How many calls ended with each status of gRPC but OK, if any did; by the status's name.
    public let failedCalls: [NamedCount]
    /// How many appends failed after they had waited; by reason.
    public let failedAppends: [NamedCount]
    public let takesWrites: Bool?
    public let answersReads: Bool?
    public let connectionCount: UInt64?
    public let waitingWriteCount: UInt64?
    public let waitingWriteByteCount: UInt64?
    /// Calls that wait for a thread, by their class of work.
    public let waitingCalls: [NamedCount]
    /// Entries that were committed together.
    public let groups: Distribution?
    /// Seconds that an fdatasync took.
    public let synchronizations: Distribution?
    /// What the server says of its memory, part by part.
    public let memoryParts: [NamedCount]
    public let process: ProcessUse

    /// What a database takes on the disk.
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

    /// What the process takes of its machine, as far as the server tells.
    public struct ProcessUse: Equatable, Sendable {
        public var residentByteCount: UInt64?
        public var virtualByteCount: UInt64?
        public var processorSeconds: Double?
        public var openDescriptorCount: UInt64?
        public var descriptorLimit: UInt64?
        /// Seconds since 1970.
        public var start: Double?
    }

    /// - Throws: `MetricsError` if the text is not of an immudb.
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
        // The longest that a Duration of 64 bits in nanoseconds can say is 292 years.
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

    /// The sums of a metric's samples by one of its labels, in the order of the label.
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

    /// Those of `immudb_held_bytes` and `immudb_memory_bytes`, which have a label `part`; and the writes that wait.
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
