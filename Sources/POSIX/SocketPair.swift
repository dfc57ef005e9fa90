public import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Makes two sockets that are connected to each other. Child processes do not inherit them.
///
/// - Throws: `Errno` if the process or the system has no descriptors left.
public func connectedSockets() throws(Errno) -> (FileDescriptor, FileDescriptor) {
    var descriptors: [CInt] = [-1, -1]
    #if os(Linux)
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    #else
        let type = SOCK_STREAM
    #endif
    guard socketpair(AF_UNIX, type, 0, &descriptors) == 0 else { throw .last }
    #if !os(Linux)
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    #endif
    return (FileDescriptor(rawValue: descriptors[0]), FileDescriptor(rawValue: descriptors[1]))
}
