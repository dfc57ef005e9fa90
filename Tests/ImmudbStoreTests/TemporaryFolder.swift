import Foundation
import ImmudbStore
import Synchronization
import TestTools

extension TemporaryFolder {
    func copy() throws -> TemporaryFolder {
        let copy = TemporaryFolder(unmade: ())
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        return copy
    }

    /// Flips one bit of a file below the folder.
    func flip(_ name: String, byte: Int) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        var bytes = try Data(contentsOf: url)
        bytes[byte] ^= 0x10
        try bytes.write(to: url)
    }

    func byteCount(of name: String) throws -> Int {
        try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")).count
    }

    /// Replaces a part of this folder by the same part of another folder.
    func replace(_ name: String, by other: TemporaryFolder) throws {
        try remove(name)
        try FileManager.default.copyItem(
            atPath: "\(other.path)/\(name)", toPath: "\(path)/\(name)")
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
}

/// Collects the lines that a database logs.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    var sink: @Sendable (LogLevel, String) -> Void {
        { level, text in self.lines.withLock { $0.append("\(level): \(text)") } }
    }
}

extension Database {
    static func open(in folder: TemporaryFolder, log: LogLines = LogLines()) throws -> Database {
        var options = Options()
        options.segmentByteCount = 64 << 10
        options.log = log.sink
        return try open(at: folder.path, options: options)
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
