import Foundation
import ImmudbOperations
import ImmudbStore
import Synchronization
import TestTools

/// A caller that leaves after a number of checks.
final class TestCaller: Caller {
    let lane = 3
    private let patience: Atomic<Int>

    init(patience: Int = .max) { self.patience = Atomic(patience) }

    var hasGone: Bool {
        if patience.load(ordering: .relaxed) == .max { return false }
        return patience.subtract(1, ordering: .relaxed).newValue < 0
    }
}

/// A database in a folder of its own, with its operations.
final class TestDatabase {
    let database: Database
    let operations: DatabaseOperations
    private let folder = TemporaryFolder()

    init(answerByteLimit: Int = 1 << 20) throws {
        database = try Database.open(at: folder.path)
        operations = try DatabaseOperations(
            on: database,
            answerLimit: .init(byteCount: answerByteLimit, entryOverheadByteCount: 29))
    }

    deinit {
        try? database.close()
    }

    /// Writes `key 0`, `key 1`, … with one call each.
    func fill(_ count: Int, valueByteCount: Int = 4) async throws {
        for first in stride(from: 0, to: count, by: 1_000) {
            try await database.setBatch(
                (first..<min(first + 1_000, count)).map {
                    NewEntry(
                        key: bytes("key \($0)"),
                        value: Array(repeating: UInt8($0 % 251), count: valueByteCount))
                })
        }
    }

    /// Returns the result of `appendProven`.
    func appendProven(
        _ entry: NewEntry, since trusted: EntryIndex?, for caller: TestCaller = TestCaller()
    ) async -> Result<EntryProof, ProvenAppendError> {
        await withCheckedContinuation { continuation in
            operations.appendProven(entry, since: trusted, for: caller) {
                continuation.resume(returning: $0)
            }
        }
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
