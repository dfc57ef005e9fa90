#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A blocking TCP socket on loopback. Closing resets the connection: so no port stays in use after
/// it, which thousands of connections a second need, and the peer sees the rudest end that exists.
final class Socket: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        var lingering = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }

    convenience init(connectingTo port: Int) throws {
        self.init(descriptor: try Self.make())
        try Self.withAddress(port) { address, length in
            guard connect(descriptor, address, length) == 0 else {
                throw FuzzFailure("cannot connect to port \(port): error \(errno)")
            }
        }
        Self.setNoDelay(descriptor)
    }

    convenience init(listeningAt port: Int = 0) throws {
        self.init(descriptor: try Self.make())
        try Self.withAddress(port) { address, length in
            guard bind(descriptor, address, length) == 0, listen(descriptor, 16) == 0 else {
                throw FuzzFailure("cannot listen: error \(errno)")
            }
        }
    }

    private static func make() throws -> Int32 {
        #if canImport(Darwin)
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        guard descriptor >= 0 else { throw FuzzFailure("no socket: error \(errno)") }
        return descriptor
    }

    private static func setNoDelay(_ descriptor: Int32) {
        var yes: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func withAddress(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
    ) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    var port: Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = getsockname(descriptor, $0, &length)
            }
        }
        return Int(in_port_t(bigEndian: address.sin_port))
    }

    func accept() throws -> Socket {
        let accepted = acceptConnection(descriptor)
        guard accepted >= 0 else { throw FuzzFailure("cannot accept: error \(errno)") }
        Self.setNoDelay(accepted)
        return Socket(descriptor: accepted)
    }

    /// Whether there are bytes to read, or the end, within `timeout` milliseconds.
    func isReadable(withinMilliseconds timeout: Int) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, Int32(timeout)) > 0
    }

    /// Writes as much as the peer accepts. It may have closed the connection.
    func write(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&waiting, 1, 200) > 0 else { return }
            let count = bytes[sent...].withUnsafeBytes {
                send(
                    descriptor, $0.baseAddress, $0.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Reads available bytes. Returns nil at the end, or if nothing comes in time.
    func read(withinMilliseconds timeout: Int) -> [UInt8]? {
        guard isReadable(withinMilliseconds: timeout) else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
            count = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
        }
        return bytes.isEmpty ? nil : bytes
    }

    func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }
}

private func acceptConnection(_ descriptor: Int32) -> Int32 { accept(descriptor, nil, nil) }
