#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Descriptors that a listener keeps, so that it can release them to the rest of the process when connections have
/// taken all others.
///
/// A process without a free descriptor cannot open any file. libdispatch even ends the process then: it reads the
/// state of its threads in /proc once a second, and treats a file that it cannot open as a bug.
struct SpareDescriptors: ~Copyable {
    private static let count = 8

    private var descriptors: [Int32] = []

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// Opens the descriptors, and leaves at least one free for a connection.
    ///
    /// - Returns: false, and keeps none, if there are not enough.
    mutating func take() -> Bool {
        while descriptors.count <= Self.count {
            let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                release()
                return false
            }
            descriptors.append(descriptor)
        }
        close(descriptors.removeLast())
        return true
    }

    /// Releases the descriptors to the rest of the process.
    mutating func release() {
        for descriptor in descriptors { close(descriptor) }
        descriptors = []
    }
}
