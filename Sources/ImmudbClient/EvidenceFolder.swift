import Dispatch
import Foundation
import POSIX

/// The folder to which evidence is written. It is bounded, so that a server that lies in each answer does not fill the
/// disk.
///
/// All file operations run on one thread of their own, one after another.
struct EvidenceFolder: Sendable {
    /// The most files that the folder gets.
    static let fileLimit = 1_000
    /// The most bytes that its files have together.
    static let byteLimit = 1 << 30

    private static let queue = DispatchQueue(label: "immudb.evidence")

    private let path: String

    init(_ path: String) { self.path = path }

    /// Writes evidence to a new file that only its owner can read, since it contains entries.
    ///
    /// - Returns: the file's path.
    func write(_ evidence: Evidence) async throws -> String {
        try await Self.onQueue { try writeNow(evidence) }
    }

    /// Creates the folder and its missing parents for its owner alone, and checks that a file can be created in it.
    ///
    /// - Throws: `ClientError` with code `.evidenceUnusable`.
    func prepare() async throws {
        try await Self.onQueue {
            do {
                try makeFolders(path, permissions: .ownerReadWriteExecute)
                // The draft is removed when it is released.
                _ = try FileDraft(
                    of: path(of: ".immudb-evidence"), permissions: .ownerReadWrite)
            } catch {
                throw ClientError(
                    .evidenceUnusable,
                    "evidence cannot be written to \(path): \(error). Name a folder that is writable"
                )
            }
        }
    }

    private static func onQueue<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { completion in
            queue.async { completion.resume(with: Result { try work() }) }
        }
    }

    private func writeNow(_ evidence: Evidence) throws -> String {
        // Before the evidence is encoded, which costs more than all else.
        let byteCount = try requireRoom()
        let text = try evidence.encoded()
        guard byteCount + text.count <= Self.byteLimit else { throw full(byteCount) }
        let file = path(of: evidence.fileName)
        let descriptor = try FileDescriptor.opening(
            file, .writeOnly, [.create, .exclusiveCreate], permissions: .ownerReadWrite)
        try descriptor.closeAfter {
            try descriptor.writeAll(text)
            try descriptor.synchronize()
        }
        return file
    }

    /// - Returns: the bytes of the files that are there.
    private func requireRoom() throws -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        guard names.count < Self.fileLimit else {
            throw EvidenceError(
                description: "\(path) has \(names.count) files already: move them to another place")
        }
        let byteCount = names.reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: path(of: name))
            return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
        }
        guard byteCount < Self.byteLimit else { throw full(byteCount) }
        return byteCount
    }

    private func full(_ byteCount: Int) -> EvidenceError {
        EvidenceError(
            description:
                "\(path) has files of \(byteCount) bytes already, and \(Self.byteLimit) is the limit: "
                + "move them to another place")
    }

    private func path(of name: String) -> String {
        (path.hasSuffix("/") ? path : path + "/") + name
    }
}

private struct EvidenceError: Error, CustomStringConvertible {
    let description: String
}
