import Foundation
import POSIX

/// A file that gets its name only once it is complete, so that a file with that name is whole. A file that is not
/// completed is removed, even if Ctrl-C ends the process.
package final class DraftFile {
    private static let bufferByteCount = 1 << 20

    private let path: String
    private let draft: FileDraft
    private var buffer: [UInt8] = []
    private let signals: EndingSignals

    /// Refuses a path that is a link, a pipe or a device, since renaming the draft would replace it.
    package static func requireReplaceable(_ path: String) throws(ToolError) {
        guard isRegularFile(path) == false else { return }
        throw ToolError("\(path) exists and is not a regular file: name another one")
    }

    package init(for path: String) throws {
        self.path = path
        let suffix = FileDraft.uniqueSuffix()
        // Before the file is created, since a signal would leave it.
        signals = EndingSignals { unlink(path + suffix) }
        do {
            draft = try FileDraft(
                of: path, permissions: FilePermissions(rawValue: 0o644), suffix: suffix)
        } catch {
            throw Self.failure("create", path, error)
        }
    }

    package func write(_ bytes: [UInt8]) throws {
        buffer += bytes
        if buffer.count >= Self.bufferByteCount { try flush() }
    }

    package func complete() throws {
        try flush()
        do { try draft.replace() } catch { throw Self.failure("create", path, error) }
    }

    private func flush() throws {
        do { try draft.write(buffer) } catch { throw Self.failure("write", draft.draftPath, error) }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func failure(_ what: String, _ path: String, _ reason: any Error) -> ToolError {
        ToolError("cannot \(what) \(path): \(reason)")
    }
}
