import Foundation
import ImmudbProtocol
import ImmudbServer
import RPCTransport
import SwiftProtobuf
import Synchronization
import Testing

/// Calls that end at every moment, on a real database. Every stored entry was sent by a call, every
/// acknowledged entry is stored, and every read returns the requested entry. ThreadSanitizer and
/// AddressSanitizer watch this suite in `make sanitize`.
@Suite("Service calls that end at every moment", .serialized)
struct StressTests {
    /// The time for each test: IMMUDB_STRESS_SECONDS, or a few seconds.
    private static let span = Duration.seconds(
        ProcessInfo.processInfo.environment["IMMUDB_STRESS_SECONDS"].flatMap { Int($0) } ?? 2)

    private static let isExpected: Set<StatusCode> = [.deadlineExceeded, .cancelled]

    /// Returns the value that belongs to a key: the key, repeated up to 512 times. So each entry
    /// shows whether all its bytes are from one call.
    private static func value(_ key: Data) -> Data {
        var value = key
        for _ in 0..<(key.last ?? 0) % 10 { value += value }
        return value
    }

    private static func key(_ lane: Int, _ number: Int) -> Data { Data("\(lane)/\(number)".utf8) }

    /// Makes a call with a deadline. Returns nil if the deadline or the caller ended it.
    private static func answer<Answer: Message>(
        _ client: RPCClient, _ path: String, _ request: some Message, _ timeout: Duration,
        as _: Answer.Type = Answer.self
    ) async throws -> Answer? {
        do {
            let response: RPCResponse<Answer> = try await client.unary(
                path, request, timeout: timeout)
            return response.message
        } catch let error as RPCError where isExpected.contains(error.code) {
            return nil
        }
    }

    @Test(
        "keep entries and answers apart when deadlines are about as long as the queue")
    func deadlines() async throws {
        let acknowledged = Acknowledged()
        try await TestServer.run { server in
            let clients =
                [server.client]
                + (0..<3).map { _ in
                    RPCClient(.init(host: "127.0.0.1", port: server.server.options.port))
                }
            let end = ContinuousClock.now + Self.span
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<400 {
                    let client = clients[lane % clients.count]
                    group.addTask {
                        var number = 0
                        while ContinuousClock.now < end {
                            number += 1
                            let timeout = Duration.microseconds(
                                (number + lane) % 5 == 0
                                    ? 60_000_000 : 1_000 + (lane * 7 + number) % 6_000)
                            try await Self.callOnce(
                                client, lane, number, timeout, acknowledged)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await Self.check(server, acknowledged.all)
            for client in clients.dropFirst() { await client.shutdown() }
        }
        #expect(acknowledged.any != nil)
    }

    private static func callOnce(
        _ client: RPCClient, _ lane: Int, _ number: Int, _ timeout: Duration,
        _ acknowledged: Acknowledged
    ) async throws {
        let key = key(lane, number)
        switch (lane + number) % 6 {
        case 0, 1:
            let request = Immudb_Schema_KeyValue.with {
                $0.key = key
                $0.value = value(key)
            }
            let index: Immudb_Schema_Index? = try await answer(
                client, ImmuService.set, request, timeout)
            if let index { acknowledged.add(key, at: index.index) }
        case 2:
            let request = Immudb_Schema_SafeSetOptions.with {
                $0.kv.key = key
                $0.kv.value = value(key)
            }
            let proof: Immudb_Schema_Proof? = try await answer(
                client, ImmuService.safeSet, request, timeout)
            if let proof { acknowledged.add(key, at: proof.index) }
        case 3:
            let wanted = acknowledged.any ?? key
            do {
                let item: Immudb_Schema_Item? = try await answer(
                    client, ImmuService.get, Immudb_Schema_Key.with { $0.key = wanted }, timeout)
                if let item { #expect(item.key == wanted && item.value == value(wanted)) }
            } catch let error as RPCError where error.message.contains("not found") {}
        case 4:
            let request = Immudb_Schema_ScanOptions.with {
                $0.prefix = Data("\(lane % 10)".utf8)
                $0.limit = 50
            }
            let list: Immudb_Schema_ItemList? = try await answer(
                client, ImmuService.scan, request, timeout)
            for item in list?.items ?? [] { #expect(item.value == value(item.key)) }
        default:
            try await dump(client, number, timeout)
        }
    }

    /// Begins a dump, and drops it after some messages.
    private static func dump(
        _ client: RPCClient, _ number: Int, _ timeout: Duration
    ) async throws {
        do {
            let stream: RPCResponseStream<Pb_KVList> = try await client.serverStreaming(
                ImmuService.dump, Google_Protobuf_Empty(), timeout: timeout)
            for try await list in stream {
                for entry in list.kv.prefix(20) { #expect(entry.value == value(entry.key)) }
                if number % 2 == 0 { break }
            }
        } catch let error as RPCError {
            #expect(isExpected.contains(error.code), "\(error)")
        }
    }

    /// Checks all stored entries, by themselves and against the acknowledged ones.
    private static func check(
        _ server: TestServer, _ acknowledged: [UInt64: Data]
    ) async throws {
        var found: [UInt64: Data] = [:]
        let stream: RPCResponseStream<Pb_KVList> = try await server.client.serverStreaming(
            ImmuService.dump, Google_Protobuf_Empty())
        for try await list in stream {
            for entry in list.kv {
                #expect(entry.value == value(entry.key))
                #expect(found.updateValue(entry.key, forKey: entry.version - 1) == nil)
            }
        }
        for (index, key) in acknowledged { #expect(found[index] == key) }
        #expect(Set(found.values).count == found.count, "an entry was stored twice")
    }
}

/// The keys of acknowledged entries, by index.
private final class Acknowledged: Sendable {
    private let keys = Mutex<[UInt64: Data]>([:])

    func add(_ key: Data, at index: UInt64) { keys.withLock { $0[index] = key } }

    var any: Data? { keys.withLock { $0.values.first } }
    var all: [UInt64: Data] { keys.withLock { $0 } }
}
