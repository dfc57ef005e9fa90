@testable import ServerStatistics

/// The text of an immudb's `/metrics`, with numbers that tests set.
struct SampleMetrics {
    var hours = 0.0274
    var entries: UInt64 = 4
    var start = 1_700_000_000.0
    var reads: UInt64 = 6
    var readSeconds = 0.003
    var writes: UInt64 = 4
    var writeSeconds = 0.0091
    var path = "db/immudb"
    var address = "127.0.0.1"
    var takesWrites = 1
    var refused: UInt64 = 2
    var hasHistograms = true

    var text: String {
        """
        # HELP immudb_uptime_hours Server uptime in hours.
        # TYPE immudb_uptime_hours counter
        immudb_uptime_hours \(hours)
        immudb_number_of_stored_entries \(entries)
        immudb_lsm_size_bytes{database="\(path)"} 2048
        immudb_lsm_size_bytes{database="db/immudbsys"} 100
        immudb_vlog_size_bytes{database="\(path)"} 1572864
        immudb_vlog_size_bytes{database="db/immudbsys"} 900
        immudb_tree_size_bytes{database="\(path)"} 4096
        immudb_number_of_rpcs_per_client{ip="\(address)"} 6
        immudb_number_of_rpcs_per_client{ip="10.0.0.9"} 4
        immudb_clients_last_message_at_unix_seconds{ip="\(address)"} 1700000098
        immudb_clients_last_message_at_unix_seconds{ip="10.0.0.9"} 1699990000
        grpc_server_handled_total{grpc_code="OK",grpc_type="unary",grpc_method="Get"} \(reads)
        grpc_server_handled_total{grpc_code="OK",grpc_method="Set"} \(writes)
        grpc_server_handled_total{grpc_code="NotFound",grpc_method="Get"} 0
        grpc_server_handled_total{grpc_code="ResourceExhausted",grpc_method="Login"} \(refused)
        \(hasHistograms ? histograms : "")
        immudb_database_takes_writes{database="\(path)"} \(takesWrites)
        immudb_database_answers_reads{database="\(path)"} 1
        immudb_connections 2
        immudb_pending_writes_total{database="\(path)"} 3
        immudb_pending_write_bytes{database="\(path)"} 300
        immudb_waiting_calls{class="points"} 5
        immudb_waiting_calls{class="walks"} 0
        immudb_memory_bytes{part="block_cache"} 8388608
        immudb_held_bytes{part="requests"} 1000
        immudb_held_bytes{part="answers"} 2000
        immudb_commit_group_entries_bucket{le="1"} 1
        immudb_commit_group_entries_bucket{le="4"} 2
        immudb_commit_group_entries_bucket{le="+Inf"} 2
        immudb_commit_group_entries_sum 4
        immudb_commit_group_entries_count 2
        immudb_fdatasync_seconds_bucket{le="0.001"} 1
        immudb_fdatasync_seconds_bucket{le="+Inf"} 2
        immudb_fdatasync_seconds_sum 0.0034
        immudb_fdatasync_seconds_count 2
        immudb_failed_appends_total{reason="noSpace"} 1
        process_resident_memory_bytes 52428800
        process_virtual_memory_bytes 1073741824
        process_cpu_seconds_total 61.5
        process_open_fds 45
        process_max_fds 1024
        process_start_time_seconds \(start)
        go_goroutines 12

        """
    }

    private var histograms: String {
        """
        grpc_server_handling_seconds_bucket{grpc_method="Get",le="0.005"} \(reads)
        grpc_server_handling_seconds_bucket{grpc_method="Get",le="+Inf"} \(reads)
        grpc_server_handling_seconds_sum{grpc_method="Get"} \(readSeconds)
        grpc_server_handling_seconds_count{grpc_method="Get"} \(reads)
        grpc_server_handling_seconds_sum{grpc_method="Login"} 0
        grpc_server_handling_seconds_count{grpc_method="Login"} 0
        grpc_server_handling_seconds_sum{grpc_method="Set"} \(writeSeconds)
        grpc_server_handling_seconds_count{grpc_method="Set"} \(writes)
        """
    }

    var statistics: ServerStatistics {
        get throws { try ServerStatistics(MetricsText(Array(text.utf8))) }
    }
}
