import Foundation
import POSIX
import Testing

@testable import ServerStatistics

@Suite("Fetching metrics")
struct MetricsSourceTests {
    /// Returns the result of fetching from a port.
    private func look(
        at port: Int, host: String = "127.0.0.1", maxByteCount: Int = MetricsText.maxByteCount
    ) async throws -> ServerStatistics {
        try await MetricsSource.with(host: host, port: port) { source in
            var source = source
            source.maxByteCount = maxByteCount
            return try await source.statistics()
        }
    }

    private func failure(
        _ answer: [UInt8], pausing pause: Duration? = nil,
        maxByteCount: Int = MetricsText.maxByteCount
    ) async throws -> MetricsError? {
        let server = try CannedServer(answer, pause: pause)
        do {
            _ = try await look(at: server.port, maxByteCount: maxByteCount)
            return nil
        } catch let error as MetricsError {
            #expect(
                "\(error)".hasPrefix("no metrics from 127.0.0.1:\(server.port): \(error.reason). "))
            #expect(
                "\(error)".contains("--metrics-port") && "\(error)".contains("--metrics-address"))
            return error
        }
    }

    private func answer(_ body: String, _ head: String = "HTTP/1.1 200 OK") -> [UInt8] {
        Array("\(head)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }

    @Test("reads what a server answers")
    func success() async throws {
        let server = try CannedServer(answer(SampleMetrics().text))
        #expect(try await look(at: server.port).entryCount == 4)
        #expect(server.request.hasPrefix("GET /metrics HTTP/1.1\r\n"))
    }

    @Test("says where nothing listens")
    func refused() async throws {
        let server = try CannedServer([])
        let port = server.port
        server.stop()
        let error = await #expect(throws: MetricsError.self) { _ = try await look(at: port) }
        #expect(error?.code == .unreachable && error?.reason == "connection refused")
    }

    @Test("says that a name has no address")
    func unknownHost() async throws {
        let error = await #expect(throws: MetricsError.self) {
            _ = try await look(at: 1, host: "host.invalid")
        }
        #expect(error?.code == .unreachable)
    }

    @Test("gives up after three seconds, also in the middle of an answer")
    func timeouts() async throws {
        let begin = ContinuousClock.now
        #expect(
            try await failure([], pausing: .seconds(30))?.reason == "no answer within 3 seconds")
        #expect(
            try await failure(
                Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nimmudb_a 1\n".utf8),
                pausing: .seconds(30))?.reason == "no answer within 3 seconds")
        #expect(ContinuousClock.now - begin < .seconds(25))
    }

    @Test("takes no answer that is too long")
    func endless() async throws {
        let head = Array("HTTP/1.1 200 OK\r\n\r\n".utf8)
        let error = try await failure(
            head + [UInt8](repeating: UInt8(ascii: "#"), count: 100_001), maxByteCount: 100_000)
        #expect(error?.code == .tooLarge)
        #expect(error?.reason == "the answer has more than 100000 bytes")
    }

    @Test("follows nobody to another place, and takes no other status than 200")
    func statuses() async throws {
        let moved = try await failure(
            answer("", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/metrics"))
        #expect(moved?.reason == "it answers with the status 302 of HTTP")
        #expect(
            try await failure(answer("404 page not found", "HTTP/1.1 404 Not Found"))?.code
                == .notMetrics)
    }

    @Test("takes no answer that is not immudb's, or not of HTTP, or broken off")
    func foreign() async throws {
        #expect(
            try await failure(answer("<html>"))?.reason
                == "line 1 of the answer begins with no name of a metric")
        #expect(try await failure(answer("go_goroutines 5\n"))?.code == .notMetrics)
        #expect(try await failure(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8))?.code == .unreachable)
        #expect(try await failure([])?.code == .unreachable)
        #expect(
            try await failure(Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nimmu".utf8))?
                .code == .unreachable)
    }
}

/// Answers the first connection with the same bytes, whatever the request is.
private final class CannedServer: Sendable {
    private let listener: Int32
    let port: Int
    private let received = Monitor("")

    /// - Parameter pause: the time for which the connection stays open after the answer.
    init(_ answer: [UInt8], pause: Duration?) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 4) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isListening)
        port = Int(UInt16(bigEndian: address.sin_port))
        _ = try WorkerThread(name: "canned server") { [received] in
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            var buffer = [UInt8](repeating: 0, count: 4_096)
            var request: [UInt8] = []
            while !request.contains([13, 10, 13, 10]) {
                let count = recv(connection, &buffer, buffer.count, 0)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                request += buffer.prefix(count)
            }
            received.change { [request] in $0 = String(decoding: request, as: UTF8.self) }
            var rest = answer[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes {
                    send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { break }
                rest = rest.dropFirst(sent)
            }
            if let pause {
                var waiting = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
                poll(&waiting, 1, Int32(pause / .milliseconds(1)))
            }
            // Closing with unread bytes would discard the answer on its way.
            shutdown(connection, Int32(SHUT_WR))
            while recv(connection, &buffer, buffer.count, 0) > 0 {}
            close(connection)
        }
    }

    convenience init(_ answer: [UInt8]) throws { try self.init(answer, pause: nil) }

    var request: String { received.read { $0 } }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    deinit {
        stop()
        close(listener)
    }
}
