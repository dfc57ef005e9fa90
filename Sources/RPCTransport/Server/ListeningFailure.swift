import NIOCore
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The reason why a listener could not listen: the system's message, and whether the port or the address is the
/// cause.
package struct ListeningFailure: Sendable {
    package let reason: String
    package let isOfPort: Bool

    /// - Parameter error: SwiftNIO's error.
    package init(_ error: any Error) {
        switch error {
        case let error as IOError:
            reason = "\(Errno(rawValue: error.errnoCode))"
            // The port is in use, or ports of that number are reserved for root.
            isOfPort = [EADDRINUSE, EACCES].contains(error.errnoCode)
        case SocketAddressError.unknown:
            reason = "this is no address and no name of one"
            isOfPort = false
        default:
            reason = "\(error)"
            isOfPort = false
        }
    }
}
