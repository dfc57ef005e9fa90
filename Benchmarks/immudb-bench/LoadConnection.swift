import CNghttp2
import Glibc

/// A load of gRPC calls on one connection that costs little itself: one thread, a blocking socket
/// and nghttp2, so that the cores and caches that it shares with the server stay the server's.
///
/// A fixed number of calls is in flight; each that ends is followed by the next at once.
final class LoadConnection {
    /// The message of call number n, without its prefix.
    typealias Request = (UInt64) -> [UInt8]

    private let socket: Int32
    private let fields: Fields
    private let request: Request
    private var session: OpaquePointer?
    /// What is left to send of the requests in flight, by stream.
    private var bodies: [Int32: [UInt8]] = [:]
    private var started: UInt64 = 0
    private var finished: UInt64 = 0
    private var succeeded: UInt64 = 0
    private var end: UInt64 = 0
    private var isBroken = false
    /// When the calls in flight began, by stream, if their times are measured.
    private var beginnings: [Int32: Double] = [:]
    /// How long calls took, in seconds, if that is measured.
    private var durations: [Double] = []
    private let measuresDurations: Bool

    /// - Parameters:
    ///   - token: of the user who makes the calls; nil: none.
    ///   - measuresDurations: whether `durations` are kept.
    init(
        port: Int, path: String, token: String? = nil, measuresDurations: Bool = false,
        request: @escaping Request
    ) throws {
        self.measuresDurations = measuresDurations
        socket = try Self.connect(port: port)
        fields = Fields(
            [
                (":method", "POST"), (":scheme", "http"), (":path", path),
                (":authority", "127.0.0.1:\(port)"), ("content-type", "application/grpc"),
                ("te", "trailers"), ("user-agent", "immudb-bench"),
            ] + (token.map { [("authorization", "Bearer \($0)")] } ?? []))
        self.request = request
        session = try makeSession()
    }

    deinit {
        if let session { nghttp2_session_del(session) }
        close(socket)
    }

    /// Makes so many calls, of which all must be answered OK.
    func run(calls: Int, inFlight: Int) throws {
        try Self.run([self], calls: calls, inFlight: inFlight)
    }

    /// Makes so many calls over all of the connections, with `inFlight` calls in flight together. All
    /// must be answered OK.
    static func run(_ loads: [LoadConnection], calls: Int, inFlight: Int) throws {
        for load in loads {
            load.end = load.started + UInt64(calls / loads.count)
            for _ in 0..<min(inFlight, calls) / loads.count { load.startNext() }
            try load.send()
        }
        var incoming = [UInt8](repeating: 0, count: 1 << 16)
        var polled = loads.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
        while loads.contains(where: { $0.finished < $0.end }) {
            if loads.count > 1 { poll(&polled, nfds_t(polled.count), -1) }
            for (index, load) in loads.enumerated()
            where loads.count == 1 || polled[index].revents != 0 {
                try load.receive(into: &incoming)
                try load.send()
            }
        }
        for load in loads where load.succeeded != load.finished || load.isBroken {
            throw BenchError("\(load.finished - load.succeeded) of \(load.finished) calls failed")
        }
    }

    private func receive(into incoming: inout [UInt8]) throws {
        let count = recv(socket, &incoming, incoming.count, 0)
        guard count > 0, nghttp2_session_mem_recv(session, incoming, count) == count else {
            throw BenchError("the server ended the connection")
        }
    }

    /// Forgets the durations so far, and gives them.
    func takeDurations() -> [Double] {
        defer { durations = [] }
        return durations
    }

    // MARK: calls

    private func startNext() {
        guard started < end else { return }
        let message = request(started)
        started += 1
        var body: [UInt8] = [0]
        withUnsafeBytes(of: UInt32(message.count).bigEndian) { body += $0 }
        body += message
        var provider = nghttp2_data_provider()
        provider.read_callback = Self.readBody
        let stream = nghttp2_submit_request(
            session, nil, fields.pointer, fields.count, &provider, nil)
        if stream < 0 { isBroken = true } else { bodies[stream] = body }
        if measuresDurations { beginnings[stream] = now() }
    }

    private static let readBody: nghttp2_data_source_read_callback = {
        _, stream, target, room, flags, _, user in
        let load = LoadConnection.from(user)
        guard let target, let flags, let body = load.bodies[stream], body.count <= room else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        UnsafeMutableRawBufferPointer(start: target, count: room).copyBytes(from: body)
        flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        return body.count
    }

    private func received(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        if name.elementsEqual("grpc-status".utf8), value.elementsEqual("0".utf8) { succeeded += 1 }
    }

    private func closed(_ stream: Int32) {
        bodies[stream] = nil
        if let began = beginnings.removeValue(forKey: stream) { durations.append(now() - began) }
        finished += 1
        startNext()
    }

    // MARK: the connection

    private func send() throws {
        var outgoing: [UInt8] = []
        var bytes: UnsafePointer<UInt8>?
        while true {
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count > 0 else { break }
            outgoing += UnsafeBufferPointer(start: bytes, count: count)
        }
        var sent = 0
        while sent < outgoing.count {
            let count = outgoing[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw BenchError("cannot write to the server") }
            sent += count
        }
    }

    private func makeSession() throws -> OpaquePointer {
        var table: OpaquePointer?
        nghttp2_session_callbacks_new(&table)
        defer { nghttp2_session_callbacks_del(table) }
        nghttp2_session_callbacks_set_on_header_callback(table) {
            _, _, name, nameCount, value, valueCount, _, user in
            LoadConnection.from(user).received(
                UnsafeBufferPointer(start: name, count: nameCount),
                UnsafeBufferPointer(start: value, count: valueCount))
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, _, user in
            LoadConnection.from(user).closed(stream)
            return 0
        }
        var made: OpaquePointer?
        nghttp2_session_client_new(&made, table, Unmanaged.passUnretained(self).toOpaque())
        guard let made else { throw BenchError("no memory for a connection") }
        nghttp2_submit_settings(made, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil, 0)
        let window: Int32 = 1 << 28
        nghttp2_session_set_local_window_size(made, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, window)
        return made
    }

    private static func from(_ user: UnsafeMutableRawPointer?) -> LoadConnection {
        guard let user else { preconditionFailure("nghttp2 lost the connection") }
        return Unmanaged<LoadConnection>.fromOpaque(user).takeUnretainedValue()
    }

    /// Waits up to ten seconds for the server to listen.
    private static func connect(port: Int) throws -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        for _ in 0..<100 {
            let file = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            let result = withUnsafeBytes(of: &address) { bytes in
                Glibc.connect(
                    file, bytes.bindMemory(to: sockaddr.self).baseAddress,
                    socklen_t(bytes.count))
            }
            if result == 0 {
                var isOn: Int32 = 1
                setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, 4)
                return file
            }
            close(file)
            usleep(100_000)
        }
        throw BenchError("no server answers on port \(port); is bin/immudb built?")
    }
}

/// Header fields in nghttp2's form.
private final class Fields {
    let pointer: UnsafeMutablePointer<nghttp2_nv>
    let count: Int

    init(_ fields: [(name: String, value: String)]) {
        count = fields.count
        pointer = .allocate(capacity: count)
        for (index, field) in fields.enumerated() {
            (pointer + index).initialize(
                to: nghttp2_nv(
                    name: Self.copy(field.name), value: Self.copy(field.value),
                    namelen: field.name.utf8.count, valuelen: field.value.utf8.count,
                    flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
        }
    }

    deinit {
        for index in 0..<count {
            pointer[index].name.deallocate()
            pointer[index].value.deallocate()
        }
        pointer.deallocate()
    }

    private static func copy(_ text: String) -> UnsafeMutablePointer<UInt8> {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: text.utf8.count)
        for (place, byte) in text.utf8.enumerated() { bytes[place] = byte }
        return bytes
    }
}
