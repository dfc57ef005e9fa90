/// The metrics of a server: their names, types and help texts.
///
/// Names, types and help texts are the original's where it has the metric, so that its dashboards work here: there
/// "LSM" means the key index, and "value log" the ledger. Some of its metrics have no counterpart here: blocked puts,
/// gets, reads of the disk and of memtables, Bloom hits and level gets, `go_*`, `promhttp_*`.
public enum ServerMetric: String, CaseIterable, Sendable {
    case storedEntries = "immudb_number_of_stored_entries"
    case uptime = "immudb_uptime_hours"
    case callsPerClient = "immudb_number_of_rpcs_per_client"
    case lastMessage = "immudb_clients_last_message_at_unix_seconds"
    case indexSize = "immudb_lsm_size_bytes"
    case ledgerSize = "immudb_vlog_size_bytes"
    case pendingWrites = "immudb_pending_writes_total"
    case diskWrites = "immudb_disk_writes_total"
    case puts = "immudb_puts_total"
    case writtenBytes = "immudb_written_bytes"

    case callsStarted = "grpc_server_started_total"
    case callsHandled = "grpc_server_handled_total"
    case messagesReceived = "grpc_server_msg_received_total"
    case messagesSent = "grpc_server_msg_sent_total"
    case callDuration = "grpc_server_handling_seconds"

    case treeSize = "immudb_tree_size_bytes"
    case groupSize = "immudb_commit_group_entries"
    case syncDuration = "immudb_fdatasync_seconds"
    case pendingWriteBytes = "immudb_pending_write_bytes"
    case failedAppends = "immudb_failed_appends_total"
    case takesWrites = "immudb_database_takes_writes"
    case answersReads = "immudb_database_answers_reads"
    case connections = "immudb_connections"
    case heldBytes = "immudb_held_bytes"
    case memoryBytes = "immudb_memory_bytes"
    case waitingCalls = "immudb_waiting_calls"

    case checkedEntries = "immudb_check_entries_total"
    case checkRounds = "immudb_check_rounds_total"
    case checkProgress = "immudb_check_round_progress"
    case checkRoundEnd = "immudb_check_last_round_end_unix_seconds"
    case unreadBlocks = "immudb_check_unread_blocks_total"
    case damagedPlaces = "immudb_damaged_places"

    case processorSeconds = "process_cpu_seconds_total"
    case residentBytes = "process_resident_memory_bytes"
    case virtualBytes = "process_virtual_memory_bytes"
    case openDescriptors = "process_open_fds"
    case mostDescriptors = "process_max_fds"
    case processStart = "process_start_time_seconds"

    public enum MetricType: String, Sendable { case counter, gauge, histogram, untyped }

    public var type: MetricType {
        switch self {
        case .storedEntries, .uptime, .callsPerClient, .callsStarted, .callsHandled,
            .messagesReceived, .messagesSent, .failedAppends, .checkedEntries, .checkRounds,
            .unreadBlocks, .processorSeconds:
            .counter
        case .indexSize, .ledgerSize, .pendingWrites, .diskWrites, .puts, .writtenBytes: .untyped
        case .callDuration, .groupSize, .syncDuration: .histogram
        default: .gauge
        }
    }

    /// The upper bounds of a histogram's buckets: seconds, or entries.
    public var bounds: [Double] {
        switch self {
        case .callDuration: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        case .syncDuration: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5]
        case .groupSize: [1, 2, 4, 8, 16, 32, 64, 128, 512, 2_048, 16_384, 131_072]
        default: []
        }
    }

    public var help: String {
        switch self {
        case .storedEntries: "Number of key-value entries currently stored by the database."
        case .uptime: "Server uptime in hours."
        case .callsPerClient: "Number of handled RPCs per client."
        case .lastMessage: "Timestamp at which clients have sent their most recent message."
        case .indexSize: "LSM Size in bytes"
        case .ledgerSize: "Value Log Size in bytes"
        case .pendingWrites: "Pending Writes"
        case .diskWrites: "Disk Writes"
        case .puts: "Puts"
        case .writtenBytes: "Written bytes"
        case .callsStarted: "Total number of RPCs started on the server."
        case .callsHandled:
            "Total number of RPCs completed on the server, regardless of success or failure."
        case .messagesReceived: "Total number of RPC stream messages received on the server."
        case .messagesSent: "Total number of gRPC stream messages sent by the server."
        case .callDuration:
            "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server."
        case .treeSize: "Bytes of the Merkle tree's files."
        case .groupSize: "Entries that were committed together, by one fdatasync."
        case .syncDuration: "Seconds that an fdatasync of the ledger took."
        case .pendingWriteBytes: "Memory of the writes that wait for the committer."
        case .failedAppends: "Appends that failed after they had waited, by the reason."
        case .takesWrites:
            "1 while the database takes writes; 0 after a failure of the disk, until a restart, or when entries are damaged."
        case .answersReads: "1 while entries can be read and keys looked up."
        case .connections: "Open connections of clients."
        case .heldBytes:
            "Memory that is held for clients: requests that are not answered, answers that are not read."
        case .memoryBytes:
            "Memory of the databases by part, beside what is held for clients and writes that wait."
        case .waitingCalls: "Calls that wait for a thread, by their class of work."
        case .checkedEntries: "Entries that the self-check has checked since the start."
        case .checkRounds: "Rounds of the self-check over all entries that are complete."
        case .checkProgress: "The part of the self-check's round that is done, from 0 to 1."
        case .checkRoundEnd: "When the last round of the self-check was complete; 0 if none was."
        case .unreadBlocks:
            "Blocks of 1,024 entries that the self-check could not read since the start, since the disk failed."
        case .damagedPlaces:
            "Places of damage that are known: an entry each, or a range of which an entry is damaged."
        case .processorSeconds: "Total user and system CPU time spent in seconds."
        case .residentBytes: "Resident memory size in bytes."
        case .virtualBytes: "Virtual memory size in bytes."
        case .openDescriptors: "Number of open file descriptors."
        case .mostDescriptors: "Maximum number of open file descriptors."
        case .processStart: "Start time of the process since unix epoch in seconds."
        }
    }
}
