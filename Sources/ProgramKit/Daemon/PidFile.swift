import POSIX

// The file with the process id of a program that runs in the background. Detachment.swift starts such
// a program.

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file with the process id of a running program, in decimal digits without a line end.
///
/// It is locked as long as this object lives. The lock tells a running program from one that was
/// killed, without a look at its process: a file without a lock is stale and is taken over.
public final class PidFile: Sendable {
    public let path: String
    private let file: FileDescriptor

    /// Creates the file, and its folder if that is missing.
    ///
    /// - Parameter program: the name of the program that must not run twice, for messages.
    /// - Throws: `DaemonError` if the file belongs to a running program, cannot be written, is not
    ///   an ordinary file, or has other content than a process id. No folder is left behind then.
    public init(_ path: String, program: String) throws(DaemonError) {
        let base = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard !["", ".", ".."].contains(base) else {
            throw DaemonError("Pid filename is invalid: \(path)")
        }
        self.path = path
        let newFolder = Self.makeFolder(of: path)
        do {
            file = try Self.take(path, program: program)
        } catch {
            if let newFolder { rmdir(newFolder) }
            throw error
        }
    }

    deinit {
        try? file.close()
    }

    /// Removes the file, unless another one has replaced it. Call it when the program ends.
    public func remove() {
        if Self.isFile(file, at: path) { unlink(path) }
    }

    /// - Returns: the folder, if it was missing and has been created. If creating it fails, opening
    ///   the file reports the reason.
    private static func makeFolder(of path: String) -> String? {
        let folder = parentFolder(of: path)
        return mkdir(folder, 0o755) == 0 ? folder : nil
    }

    /// Opens, locks and writes the file.
    private static func take(
        _ path: String, program: String
    ) throws(DaemonError) -> FileDescriptor {
        try checkKind(path)
        do {
            let file = try lock(path, program: program)
            do {
                try write(getpid(), to: file, path)
            } catch {
                try? file.close()
                throw error
            }
            return file
        } catch let error as DaemonError {
            throw error
        } catch {
            throw DaemonError("failed to write pidfile: \(path): \(error)")
        }
    }

    /// Refuses a pipe or device: nobody can look up the process id there.
    private static func checkKind(_ path: String) throws(DaemonError) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: kind = "a folder"
        case S_IFIFO: kind = "a pipe"
        case S_IFSOCK: kind = "a socket"
        default: kind = "a device"
        }
        throw DaemonError(
            "failed to write pidfile: \(path) is \(kind), no file: name another one")
    }

    private static func lock(_ path: String, program: String) throws -> FileDescriptor {
        while true {
            let file = try FileDescriptor.opening(
                path, .readWrite, [.create, .nonBlocking],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
                let reason = Errno.last
                try? file.close()
                guard reason == .wouldBlock else { throw reason }
                throw DaemonError(
                    "pid file found, ensure \(program) is not running or delete \(path)")
            }
            // The process that held the lock may have removed the file between the two calls.
            if isFile(file, at: path) { return file }
            try? file.close()
        }
    }

    private static func isFile(_ file: FileDescriptor, at path: String) -> Bool {
        var open = stat()
        var named = stat()
        return fstat(file.rawValue, &open) == 0 && stat(path, &named) == 0
            && open.st_ino == named.st_ino && open.st_dev == named.st_dev
    }

    private static func write(_ pid: pid_t, to file: FileDescriptor, _ path: String) throws {
        let maxByteCount = 32
        let old = try file.bytes(upTo: maxByteCount)
        let blanks: [UInt8] = [0x20, 0x0a, 0x0d]
        let isPid = old.allSatisfy { (0x30...0x39).contains($0) || blanks.contains($0) }
        guard isPid, old.count < maxByteCount else {
            throw DaemonError(
                "failed to write pidfile: \(path) holds something else than a process id: "
                    + "delete it or name another file")
        }
        try file.resize(to: 0)
        try file.writeAll(toAbsoluteOffset: 0, Array("\(pid)".utf8))
    }
}

/// The reason why a program cannot run in the background: a message for the operator.
public struct DaemonError: Error, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
