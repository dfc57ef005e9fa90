import CoreMetrics
import Foundation
import ImmudbProtocol
import ImmudbStore
import NIOCore
import PrometheusMetrics
import RPCTransport
import ServiceKit
import SwiftProtobuf
import TestTools
import Testing

@testable import ImmudbServer

@Suite("The metrics of a server")
struct MetricsTests {
    private static func server(
        _ registry: PrometheusRegistry, hasHistograms: Bool = true,
        _ test: (ImmudbServer, RPCClient) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        var options = ServerOptions(directory: folder.path, port: 0)
        options.process.isWithoutHistograms = !hasHistograms
        let server = try await ImmudbServer.start(
            options, log: ServerLog(level: .error) { _ in }.logger, metrics: registry)
        let client = RPCClient(.init(host: "127.0.0.1", port: server.options.port))
        try await test(server, client)
        await client.shutdown()
        await server.stop(deadline: .seconds(5))
    }

    private static func labels(_ method: String, _ kind: String = "unary") -> String {
        "grpc_type=\"\(kind)\",grpc_service=\"immudb.schema.ImmuService\",grpc_method=\"\(method)\""
    }

    /// Waits until the registry has the line: the loop counts a call when its answer is on the way.
    private static func expect(
        _ lines: [String], in registry: PrometheusRegistry,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var missing = Set(lines)
        for _ in 0..<500 where !missing.isEmpty {
            missing = Set(lines).subtracting(
                registry.text().split(separator: "\n").map(String.init))
            if !missing.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
        }
        #expect(missing.isEmpty, "in \(registry.text())", sourceLocation: sourceLocation)
    }

    @Test("count calls by method and code, messages, and the commits of the database")
    func calls() async throws {
        let registry = PrometheusRegistry()
        try await Self.server(registry) { server, client in
            // A client that only connects does not count.
            let silent = RPCClient(.init(host: "127.0.0.1", port: server.options.port))
            await silent.shutdown()
            #expect(!registry.text().contains("immudb_number_of_rpcs_per_client{"))
            for number in 0..<3 {
                let _: RPCResponse<Immudb_Schema_Index> = try await client.unary(
                    ImmuService.set,
                    Immudb_Schema_KeyValue.with {
                        $0.key = .init("k\(number)".utf8)
                        $0.value = .init("v".utf8)
                    })
            }
            let absent: RPCResponse<Immudb_Schema_Item>? = try? await client.unary(
                ImmuService.get, Immudb_Schema_Key.with { $0.key = .init("none".utf8) })
            #expect(absent == nil)
            let dump: RPCResponseStream<Pb_KVList> = try await client.serverStreaming(
                ImmuService.dump, Google_Protobuf_Empty())
            for try await _ in dump {}
            try await Self.expect(
                [
                    "grpc_server_started_total{\(Self.labels("Set"))} 3",
                    "grpc_server_handled_total{grpc_code=\"OK\",\(Self.labels("Set"))} 3",
                    "grpc_server_handled_total{grpc_code=\"NotFound\",\(Self.labels("Get"))} 1",
                    "grpc_server_handled_total{grpc_code=\"OK\",\(Self.labels("Get"))} 0",
                    "grpc_server_msg_received_total{\(Self.labels("Set"))} 3",
                    "grpc_server_msg_sent_total{\(Self.labels("Set"))} 3",
                    "grpc_server_msg_sent_total{\(Self.labels("Get"))} 0",
                    "grpc_server_handling_seconds_count{\(Self.labels("Set"))} 3",
                    "grpc_server_msg_received_total{\(Self.labels("Dump", "server_stream"))} 1",
                    "grpc_server_msg_sent_total{\(Self.labels("Dump", "server_stream"))} 1",
                    "grpc_server_started_total{\(Self.labels("ZScanSV"))} 0",
                    "immudb_number_of_rpcs_per_client{ip=\"127.0.0.1\"} 5",
                    "immudb_puts_total 3",
                    // Updated each second.
                    "immudb_number_of_stored_entries 3", "immudb_connections 1",
                ], in: registry)
            let text = registry.text()
            #expect(text.contains("immudb_commit_group_entries_sum 3\n"))
            #expect(!text.contains("immudb_fdatasync_seconds_count 0\n"))
            // 36 methods with 17 codes each.
            let handled = text.split(separator: "\n").filter {
                $0.hasPrefix("grpc_server_handled_total{") && $0.contains("ImmuService")
            }
            #expect(handled.count >= 36 * 17)
        }
    }

    @Test(
        "show the sizes of both databases, the memory in use, and the work that waits for a thread")
    func parts() async throws {
        let registry = PrometheusRegistry()
        try await Self.server(registry) { server, client in
            for number in 0..<200 {
                let _: RPCResponse<Immudb_Schema_Proof> = try await client.unary(
                    ImmuService.safeSet,
                    Immudb_Schema_SafeSetOptions.with {
                        $0.kv.key = .init("k\(number)".utf8)
                        $0.rootIndex.index = 0
                    })
            }
            try await Self.expect(
                ["points", "bulk", "walks", "passwords"].map {
                    "immudb_waiting_calls{class=\"\($0)\"} 0"
                } + ["immudb_puts_total 200", "immudb_number_of_stored_entries 200"], in: registry)
            let lines = registry.text().split(separator: "\n").map(String.init)
            func value(_ name: String) -> Double? {
                lines.first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap {
                    Double($0)
                }
            }
            let folder = server.options.directory
            for size in ["lsm", "vlog", "tree"] {
                let databases = lines.filter { $0.hasPrefix("immudb_\(size)_size_bytes{") }.map {
                    $0.split(separator: "\"")[1]
                }
                // The first sample is that of the data's database.
                #expect(databases == ["\(folder)/immudb", "\(folder)/immudbsys"])
            }
            #expect(
                try #require(value("immudb_vlog_size_bytes{database=\"\(folder)/immudbsys\"}")) > 0)
            for part in ["memtables", "node_cache"] {
                #expect(try #require(value("immudb_memory_bytes{part=\"\(part)\"}")) > 0, "\(part)")
            }
            for part in ["block_cache", "tables"] {
                #expect(value("immudb_memory_bytes{part=\"\(part)\"}") != nil, "\(part)")
            }
        }
    }

    @Test("have no durations if histograms are off")
    func withoutHistograms() async throws {
        let registry = PrometheusRegistry()
        try await Self.server(registry, hasHistograms: false) { _, _ in
            #expect(!registry.text().contains("grpc_server_handling_seconds"))
            #expect(registry.text().contains("grpc_server_started_total"))
        }
    }

    @Test("have series for a limited number of addresses, and one for all others")
    func addresses() {
        let registry = PrometheusRegistry()
        let clients = ClientMetrics(registry)
        for number in 0..<3 * ClientMetrics.limit {
            clients.client(at: "2001:db8::\(number)").noteCall()
        }
        // The series exist before the calls are recorded, with the current time.
        let times = registry.text().matches(of: /last_message_at_unix_seconds\{.*\} (\S+)/)
        #expect(times.count == ClientMetrics.limit + 1)
        #expect(times.allSatisfy { Double($0.1).map { $0 > 1e9 } == true })
        clients.record()
        let lines = registry.text().split(separator: "\n").filter {
            $0.hasPrefix("immudb_number_of_rpcs_per_client{")
        }
        #expect(lines.count == ClientMetrics.limit + 1)
        #expect(
            lines.contains(
                "immudb_number_of_rpcs_per_client{ip=\"others\"} \(2 * ClientMetrics.limit)"))
    }

    @Test(
        "have unique names that Prometheus accepts, a help text, and ascending bounds"
    )
    func names() {
        for metric in ServerMetric.allCases {
            #expect(metric.rawValue.wholeMatch(of: /[a-z_]+/) != nil && !metric.help.isEmpty)
            #expect((metric.type == .histogram) == !metric.bounds.isEmpty)
            #expect(metric.bounds == metric.bounds.sorted())
        }
    }
}
