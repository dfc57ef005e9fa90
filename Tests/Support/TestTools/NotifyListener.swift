#if os(Linux)
    import Foundation

    /// The socket on which a service manager listens for the state of programs.
    public final class NotifyListener: Sendable {
        /// The value for `NOTIFY_SOCKET`.
        public let name: String
        private let file: Int32

        /// - Parameter name: a path, or `@` and an abstract name.
        public init(_ name: String) throws {
            self.name = name
            file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var path = Array(name.utf8)
            if name.hasPrefix("@") { path[0] = 0 }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
            let length = MemoryLayout<sa_family_t>.size + path.count
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(file, $0, socklen_t(length))
                }
            }
            guard file >= 0, result == 0 else {
                throw Failure(description: "\(name): errno \(errno)")
            }
        }

        deinit {
            close(file)
        }

        /// Waits for the next datagram, and returns it.
        public func next(timeoutSeconds: Int = 20) throws -> String {
            var request = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, Int32(timeoutSeconds * 1_000)) == 1 else {
                throw Failure(description: "nothing was said to \(name)")
            }
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = recv(file, &buffer, buffer.count, 0)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }

        public struct Failure: Error, CustomStringConvertible {
            public let description: String
        }
    }
#endif
