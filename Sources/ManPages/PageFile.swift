#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Why a system call failed, in the system's words.
struct SystemFailure: Error {
    let reason: String

    init(_ number: Int32) {
        reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}

/// The files that pages are written to.
enum PageFile {
    static func makeFolders(above path: String) throws(SystemFailure) {
        for slash in path.indices where path[slash] == "/" && slash != path.startIndex {
            // What is there already and is no folder shows at the next step.
            guard mkdir(String(path[..<slash]), 0o777) != 0, errno != EEXIST else { continue }
            let reason = errno
            // Of a folder in a file system that is read only, say.
            guard access(String(path[..<slash]), F_OK) != 0 else { continue }
            throw SystemFailure(reason)
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws(SystemFailure) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw SystemFailure(errno) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = errno
                close(file)
                throw SystemFailure(reason)
            }
            rest = rest.dropFirst(count)
        }
        guard close(file) == 0 else { throw SystemFailure(errno) }
    }
}

/// write(2), whose name a function above has, too.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(file, bytes, count)
}
