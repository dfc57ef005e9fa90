import NIOCore
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Why a listener could not listen: what the system says, and whether the port or the address is to blame.
package struct ListeningFailure: Sendable {
    package let reason: String
    package let isOfPort: Bool

    /// - Parameter error: of SwiftNIO.
    package init(_ error: any Error) {
        switch error {
        case let error as IOError:
            reason = "\(Errno(rawValue: error.errnoCode))"
            // Others have the port, or ports of that number are root's.
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
