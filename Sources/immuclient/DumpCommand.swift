import ArgumentParser
import Foundation
import ImmudbClient

struct DumpCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Write all entries to a file.",
        discussion: """
            The file gets its name when all entries are in it and on disk. Each is a pb.KV message \
            behind its length in 4 bytes, little-endian, in the order in which they were written.
            """,
        aliases: ["b"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(
        help: ArgumentHelp(
            "Path of the file (default: immudb_<date>_<time>.bkp).", valueName: "file"))
    var file: String?

    func run(on client: ImmudbClient) async throws {
        let path = file.map(NegativeNumber.restored) ?? Self.defaultName()
        try Self.requireReplaceable(path)
        // The server first: a file that was there stays when there is nothing to write.
        let entries = try await client.dump()
        let draft = try DraftFile(for: path)
        var count = 0
        for try await entry in entries {
            try draft.write(entry.fileRecord())
            count += 1
        }
        try draft.complete()
        try Output.write(
            line: "SUCCESS: \(count) key-value entries were backed-up to file \(path)")
    }

    /// Giving a file its name replaces what had it: never a link, a pipe or a device.
    private static func requireReplaceable(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw ToolError("\(path) is there and is no regular file: name another one")
    }

    private static func defaultName() -> String {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, "immudb_%Y-%m-%d_%H-%M-%S.bkp", &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A file that has its name only once it is complete: whoever finds it finds all of it.
private final class DraftFile {
    private static let bufferByteCount = 1 << 20

    private let path: String
    private let draftPath: String
    private let file: Int32
    private var buffer: [UInt8] = []
    private var isComplete = false

    init(for path: String) throws {
        self.path = path
        draftPath = "\(path).\(getpid()).part"
        file = open(draftPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Self.failure("create", draftPath) }
    }

    deinit {
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
