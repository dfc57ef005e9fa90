import Foundation

/// A file that has its name only once it is complete: whoever finds it finds all of it. Of one that
/// is not completed nothing stays, also when Ctrl-C ends the process.
final class DraftFile {
    private static let bufferByteCount = 1 << 20

    private let path: String
    private let draftPath: String
    private let file: Int32
    private var buffer: [UInt8] = []
    private var isComplete = false
    private let signals: EndingSignals

    /// Giving a file its name replaces what had it: never a link, a pipe or a device.
    static func requireReplaceable(_ path: String) throws(ToolError) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw ToolError("\(path) is there and is no regular file: name another one")
    }

    init(for path: String) throws {
        self.path = path
        draftPath = "\(path).\(UUID().uuidString.prefix(8)).part"
        signals = EndingSignals { [draftPath] in unlink(draftPath) }
        file = open(draftPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Self.failure("create", draftPath) }
    }

    deinit {
        // Only what this object has made.
        guard file >= 0 else { return }
        close(file)
        if !isComplete { unlink(draftPath) }
    }

    func write(_ bytes: [UInt8]) throws {
        buffer += bytes
        if buffer.count >= Self.bufferByteCount { try flush() }
    }

    func complete() throws {
        try flush()
        guard fsync(file) == 0 else { throw Self.failure("write", draftPath) }
        guard rename(draftPath, path) == 0 else { throw Self.failure("create", path) }
        isComplete = true
    }

    private func flush() throws {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("write", draftPath) }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func failure(_ what: String, _ path: String) -> ToolError {
        ToolError("cannot \(what) \(path): \(String(cString: strerror(errno)))")
    }
}
