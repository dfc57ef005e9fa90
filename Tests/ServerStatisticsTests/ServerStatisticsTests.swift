import ImmudbProtocol
import Testing

@testable import ServerStatistics

@Suite("A server's statistics")
struct ServerStatisticsTests {
    private let now = 1_700_000_100.25

    @Test("are printed in the original's form, and below it what this server tells besides")
    func text() throws {
        #expect(
            try SampleMetrics().statistics.text(now: now) == """
                Database path              :	db/immudb
                Uptime                     :	1m38.64s
                Number of entries          :	4
                LSM size                   :	2.0 kB
                VLog size                  :	1.5 MB
                Total size                 :	1.5 MB
                Number of clients          :	2
                Queries per client         :	
                   10.0.0.9                :	4
                      Last query           :	2h48m20.25s ago
                   127.0.0.1               :	6
                      Last query           :	2.25s ago
                Avg. duration (nb calls)   :	µs
                   Get (6)                 :	500
                   Login (0)               :	0
                   Set (4)                 :	2275
                Health                     :	takes writes, answers reads
                Connections                :	2
                Calls that failed          :	2
                   ResourceExhausted       :	2
                Writes that failed         :	1
                   noSpace                 :	1
                Waiting writes             :	3 (300 B)
                Waiting calls              :	5
                   points                  :	5
                Commit groups              :	2
                   Entries, on average     :	2
                   99 % have               :	≤ 4
                fdatasync (nb calls)       :	µs
                   Average (2)             :	1700
                   99 % take               :	> 1000
                Bytes on disk              :	1.5 MB
                   db/immudb               :	1.5 MB
                      ledger (VLog)        :	1.5 MB
                      key index (LSM)      :	2.0 kB
                      tree                 :	4.0 kB
                   db/immudbsys            :	1000 B
                      ledger (VLog)        :	900 B
                      key index (LSM)      :	100 B
                      tree                 :	0 B
                Memory, by the system      :	50.0 MB
                Memory, by the server      :	8.0 MB
                   block cache             :	8.0 MB
                   answers                 :	2.0 kB
                   requests                :	1000 B
                   waiting writes          :	300 B
                Processor time             :	1m1s
                Open files                 :	45 of 1024

                """)
    }

    @Test("have the part of an older server, which tells less")
    func olderServer() throws {
        let text = """
            immudb_uptime_hours 1
            immudb_number_of_stored_entries 15
            immudb_lsm_size_bytes{database="db/immudb"} 0
            """
        #expect(
            try ServerStatistics(MetricsText(Array(text.utf8))).text(now: now) == """
                Database path              :	db/immudb
                Uptime                     :	1h0m0s
                Number of entries          :	15
                LSM size                   :	0 B
                VLog size                  :	0 B
                Total size                 :	0 B
                Number of clients          :	0
                Queries per client         :	
                Calls that failed          :	0
                Writes that failed         :	0
                Bytes on disk              :	0 B
                   db/immudb               :	0 B
                      ledger (VLog)        :	0 B
                      key index (LSM)      :	0 B
                      tree                 :	0 B
                Memory, by the system      :	-

                """)
    }

    @Test("without histograms have no durations, and count calls all the same")
    func noHistograms() throws {
        var metrics = SampleMetrics()
        metrics.hasHistograms = false
        let statistics = try metrics.statistics
        #expect(!statistics.text(now: now).contains("Avg. duration"))
        #expect(
            statistics.total(of: .read).callCount == 8
                && statistics.total(of: .write).callCount == 4)
        #expect(statistics.total(of: .read).averageMicroseconds == nil)
    }

    @Test("say what is wrong with a server that takes no writes")
    func health() throws {
        var metrics = SampleMetrics()
        metrics.takesWrites = 0
        #expect(
            try metrics.statistics.text(now: now).contains(
                "Health                     :\tTAKES NO WRITES, answers reads\n"))
    }

    @Test("average over all calls, not over the methods' averages (S11)")
    func averages() throws {
        let text =
            SampleMetrics().text + """
                grpc_server_handled_total{grpc_code="OK",grpc_method="Scan"} 2
                grpc_server_handling_seconds_sum{grpc_method="Scan"} 0.005
                grpc_server_handling_seconds_count{grpc_method="Scan"} 2
                """
        let statistics = try ServerStatistics(MetricsText(Array(text.utf8)))
        #expect(statistics.total(of: .read).averageMicroseconds.map { $0.rounded() } == 1_000)
    }

    @Test("of something else than immudb are refused")
    func foreign() throws {
        for text in [
            "", "process_open_fds 3", "immudb_uptime_hours 1",
            "immudb_uptime_hours NaN\nimmudb_number_of_stored_entries 1",
            "immudb_uptime_hours 1\nimmudb_number_of_stored_entries -5",
        ] {
            let error = #expect(throws: MetricsError.self) {
                _ = try ServerStatistics(MetricsText(Array(text.utf8)))
            }
            #expect(error?.reason.contains("it is not immudb's") == true)
        }
    }

    @Test("a stranger's names do not make lines of their own")
    func hostileNames() throws {
        var metrics = SampleMetrics()
        metrics.path = #"db\nHealth : ok"# + "\u{1b}]0;x\u{7}"
        metrics.address = #"1.2.3.4\nUptime : 1s"#
        let lines = try metrics.statistics.text(now: now).split(separator: "\n")
        #expect(lines.first == "Database path              :\tdb\\x0aHealth : ok\\x1b]0;x\\x07")
        #expect(lines.count { $0.hasPrefix("Uptime") } == 1)
    }

    @Test("numbers that are too large are no crash")
    func largeNumbers() throws {
        var metrics = SampleMetrics()
        metrics.hours = 1e300
        metrics.entries = .max - 2_048
        metrics.reads = 1 << 63
        metrics.start = 1e300
        #expect(
            try metrics.statistics.text(now: now).contains(
                "Uptime                     :\t2000000h0m0s\n"))
    }

    @Test("know each method of the service that reads or writes")
    func methods() {
        func kind(_ name: String) -> MethodCalls.Kind {
            MethodCalls(name: name, callCount: 0, duration: nil).kind
        }
        for method in ImmuService.methods {
            let name = String(method.path.split(separator: "/").last ?? "")
            let expected: MethodCalls.Kind =
                switch method.permission {
                case .data: method.appends ? .write : .read
                case .login, .open: .read
                case .administration: .other
                }
            #expect(kind(name) == expected, "\(name)")
        }
    }
}

@Suite("A distribution")
struct DistributionTests {
    @Test("has the smallest known bound of a part of its values")
    func bounds() {
        let distribution = Distribution(
            count: 100, sum: 50,
            buckets: [
                .init(bound: 1, count: 50), .init(bound: 2, count: 99),
                .init(bound: .infinity, count: 100),
            ])
        #expect(distribution.average == 0.5)
        #expect(distribution.bound(ofPart: 0.5) == 1)
        #expect(distribution.bound(ofPart: 0.51) == 2)
        #expect(distribution.bound(ofPart: 0.99) == 2)
        #expect(distribution.bound(ofPart: 1) == .infinity)
        #expect(Distribution(count: 0, sum: 0).bound(ofPart: 0.5) == nil)
    }
}
