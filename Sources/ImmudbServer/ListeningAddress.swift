import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Checks whether the server can listen on the port, before anything is opened, so that a second
/// server fails at once instead of after a long recovery of its database.
///
/// With port 0 it tries only the address. It releases the port again, since no client is served
/// before the database is open. If another process takes the port in between, listening fails later
/// with the same message.
///
/// - Parameter portFlag: the flag that sets the port.
/// - Throws: `ServerStartError` with the reason and advice.
package func checkListening(
    host: String, port: Int, portFlag: String = "-p"
) throws(ServerStartError) {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    #if canImport(Darwin)
        hints.ai_socktype = SOCK_STREAM
    #else
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #endif
    hints.ai_flags = AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host, String(port), &hints, &found)
    guard result == 0, let candidate = found?.pointee else {
        let reason = gai_strerror(result).map { String(cString: $0) } ?? "unknown address"
        throw listeningError(host: host, port: port, reason: reason)
    }
    defer { freeaddrinfo(found) }
    let socket = socket(candidate.ai_family, candidate.ai_socktype, candidate.ai_protocol)
    guard socket >= 0 else {
        throw listeningError(host: host, port: port, reason: "\(Errno.last)")
    }
    defer { close(socket) }
    var yes: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    // If both sockets allow reuse of the address, only listen() fails.
    guard bind(socket, candidate.ai_addr, candidate.ai_addrlen) == 0, listen(socket, 1) == 0 else {
        let reason = errno
        let advice = reason == EADDRINUSE ? ". Choose another port with \(portFlag)" : ""
        throw listeningError(
            host: host, port: port, reason: "\(Errno(rawValue: reason))\(advice)")
    }
}

func listeningError(host: String, port: Int, reason: String) -> ServerStartError {
    ServerStartError("Immudb unable to listen: \(hostAndPort(host, port)): \(reason)")
}
