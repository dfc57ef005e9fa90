public import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Tells systemd the state of a program that it has started: serving, reloading, stopping.
///
/// The protocol is that of sd_notify(3): a datagram of lines `NAME=value` to the socket that
/// `NOTIFY_SOCKET` names. It is documented as stable for programs without libsystemd, and takes
/// less than linking that library.
///
/// A notifier never fails. If its socket cannot be used, ``complaint`` says so once, and the
/// program goes on.
public struct ServiceNotifier: Sendable {
    /// The state of a program.
    public enum State: Hashable, Sendable {
        /// The program starts, or does what `text` says.
        case busy(String)
        /// The program serves.
        case ready(String)
        /// The program reads its files again; `ready` follows.
        case reloading
        case stopping(String)
        /// The program ends because it could not start.
        case failed(String)

        /// The lines of the datagram.
        var message: String {
            switch self {
            case .busy(let text), .failed(let text): Self.status(text)
            case .ready(let text): "READY=1\n" + Self.status(text)
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds())"
            case .stopping(let text): "STOPPING=1\n" + Self.status(text)
            }
        }

        private static func status(_ text: String) -> String {
            let line = text.unicodeScalars.map {
                $0.properties.generalCategory == .control ? " " : $0
            }
            return "STATUS=" + String(String.UnicodeScalarView(line.prefix(maxStatusLength)))
        }

        private static let maxStatusLength = 512

        private static func monotonicMicroseconds() -> Int {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
        }
    }

    static let variable = "NOTIFY_SOCKET"
    /// systemd's queue may be full for a moment. If a message about the start were lost, systemd
    /// would wait for it without end.
    private static let patience = Duration.seconds(1)

    private let address: Address?
    /// The reason why the service manager cannot be told; nil if it can, and without a service manager.
    public let complaint: String?

    /// Whether a service manager waits for messages.
    public var isListenedTo: Bool { address != nil }

    /// The notifier of this process.
    public static let current = ServiceNotifier(
        socket: getenv(variable).map { String(cString: $0) })

    /// - Parameter socket: the path of a socket, or `@` and an abstract name. nil or empty if there
    ///   is no service manager.
    init(socket: String?) {
        guard let socket, !socket.isEmpty else {
            (address, complaint) = (nil, nil)
            return
        }
        address = Address(socket)
        complaint =
            address == nil
            ? "\(Self.variable) is \"\(socket)\", and no service manager is told: give a path of at most "
                + "\(Address.maxByteCount) bytes that begins with a slash, or a name that begins with @"
            : nil
    }

    /// Sends the state. Waits a second at most, and only while the service manager's queue is full.
    ///
    /// - Returns: nil if it was sent, or the reason why not, such as a socket that nobody has open.
    @discardableResult
    public func tell(_ state: State) -> Errno? {
        guard let address else { return nil }
        let file = socket(AF_UNIX, Self.kind, 0)
        guard file >= 0 else { return .last }
        defer { close(file) }
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        let message = Array(state.message.utf8)
        let end = ContinuousClock.now + Self.patience
        while true {
            guard let failure = address.send(message, through: file) else { return nil }
            let mayPass = [.wouldBlock, .interrupted, .noBufferSpace].contains(failure)
            guard mayPass, ContinuousClock.now < end else { return failure }
            usleep(10_000)
        }
    }

    #if canImport(Darwin)
        private static let kind = SOCK_DGRAM
    #else
        private static let kind = Int32(SOCK_DGRAM.rawValue)
    #endif
}

/// The address of a datagram socket on this machine.
private struct Address: Sendable {
    static let maxByteCount = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    private let path: [UInt8]

    /// Returns nil if the text does not name such a socket. Sockets of other families, such as
    /// `vsock:`, are not for programs of the same machine.
    init?(_ text: String) {
        var path = Array(text.utf8)
        guard path.count > 1, path.count <= Self.maxByteCount else { return nil }
        switch path[0] {
        case UInt8(ascii: "/"): break
        #if os(Linux)
            // The name of an abstract socket follows a zero.
            case UInt8(ascii: "@"): path[0] = 0
        #endif
        default: return nil
        }
        self.path = path
    }

    /// - Returns: nil if the message was sent.
    func send(_ message: [UInt8], through file: Int32) -> Errno? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        // Without the zero at the end, which would be part of an abstract name.
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + path.count
        #if canImport(Darwin)
            let flags = MSG_DONTWAIT
        #else
            let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        #endif
        let count = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(file, message, message.count, flags, $0, socklen_t(length))
            }
        }
        return count < 0 ? .last : nil
    }
}
