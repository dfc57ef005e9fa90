import Foundation
import ImmudbStore
import POSIX
import Synchronization
import SystemPackage

/// The file that keeps how far a check is, by the names of the databases.
final class VerificationStateFile: Sendable {
    private struct Content {
        var states: [String: VerificationState]
        var failure: String?
    }

    private let path: String
    private let content: Mutex<Content>

    /// Reads the file, if it exists.
    init(_ path: String) throws {
        self.path = path
        var states: [String: VerificationState] = [:]
        if FileManager.default.fileExists(atPath: path) {
            do {
                states = try JSONDecoder().decode(
                    [String: VerificationState].self,
                    from: try Data(contentsOf: URL(fileURLWithPath: path)))
            } catch {
                throw StateFileError(
                    message:
                        "\(path) is not the state of a check, or is damaged: remove it to begin at the first entry"
                )
            }
        }
        content = Mutex(Content(states: states))
    }

    func state(of database: String) -> VerificationState? {
        content.withLock { $0.states[database] }
    }

    /// Why the file could not be written; nil if it could.
    var failure: String? { content.withLock { $0.failure } }

    /// Writes the state of a database, durably.
    func set(_ state: VerificationState, of database: String) {
        content.withLock { content in
            content.states[database] = state
            do {
                let draft = try FileDraft(of: path, permissions: [.ownerReadWrite])
                try draft.write(try JSONEncoder().encode(content.states))
                try draft.replace()
            } catch {
                content.failure = "cannot write \(path): \(error)"
            }
        }
    }

    /// Removes the file, after the check is complete.
    func remove() throws {
        if unlink(path) != 0, errno != ENOENT {
            throw StateFileError(message: "cannot remove \(path): \(Errno(rawValue: errno))")
        }
    }
}

private struct StateFileError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
