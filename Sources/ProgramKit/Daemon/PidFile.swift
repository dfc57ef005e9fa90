import POSIX

// What a program needs to run in the background. Here: the file that says who runs. How it gets
// there: Detachment.swift.

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file with the process id of a running program, in decimal digits without a line end.
///
/// It is locked as long as this object lives, so a running program is told from one that was killed
/// without looking for its process: a file that nobody locks is stale and is taken over.
public final class PidFile: Sendable {
    public let path: String
    private let file: FileDescriptor

    /// Creates the file, and the folder it is in if that one is missing.
    ///
    /// - Parameter program: who must not run twice, for messages.
    /// - Throws: `DaemonError`: the file is another running program's, cannot be written, is no
    ///   ordinary file, or holds something else than a process id. No folder is left behind then.
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

    /// Removes the file, unless it was replaced by another one meanwhile. For the program's end.
    public func remove() {
        if Self.isFile(file, at: path) { unlink(path) }
    }

    /// - Returns: the folder, if it was missing and has been made. If it cannot be made, opening
    ///   the file says why.
    private static func makeFolder(of path: String) -> String? {
        let folder = parentFolder(of: path)
        return mkdir(folder, 0o755) == 0 ? folder : nil
    }

    /// Opens, locks and writes it.
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

    /// A process id in a pipe or device is one that nobody can look up.
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
            // Whoever locked it before may have removed it between our two calls.
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

/// Why a program cannot run in the background: a message for the operator.
public struct DaemonError: Error, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
