import DequeModule
import ImmudbBackup
import ImmudbModel
import MerkleTree
import POSIX

/// Hands the parts of a backup from the thread that reads and hashes them to the one that writes them.
///
/// Memory: parts and leaves of 8 MiB, and one part more.
final class RestoreQueue: Sendable {
    private static let byteLimit = 8 << 20

    /// A part, and the offset in the backup at which it begins.
    struct Item: Sendable {
        enum Part: Sendable {
            case chunk(HashedChunk)
            case trailer(BackupTrailer)
        }

        let part: Part
        let offset: UInt64

        fileprivate var byteCount: Int {
            switch part {
            case .chunk(let hashed):
                hashed.chunk.byteCount + hashed.chunk.entryCount * Digest.byteCount
            case .trailer: BackupTrailer.byteCount
            }
        }
    }

    private struct State: Sendable {
        var items: Deque<Item> = []
        /// The bytes of the parts that wait, and of the one that is being written.
        var byteCount = 0
        /// The entries that were written.
        var size: TreeSize
        var isClosed = false
        var failure: StoreError?
    }

    private let monitor: Monitor<State>

    /// - Parameter size: the entries that were written before.
    init(_ size: TreeSize) { monitor = Monitor(State(size: size)) }

    // MARK: the thread that reads

    /// Waits until another part may be read.
    ///
    /// - Returns: the number of entries that were written; nil if writing has failed.
    func waitForRoom() -> TreeSize? {
        monitor.wait { state -> TreeSize?? in
            if state.failure != nil { return .some(nil) }
            return state.byteCount <= Self.byteLimit ? .some(state.size) : nil
        } ?? nil
    }

    func put(_ item: Item) {
        monitor.change { state in
            state.byteCount += item.byteCount
            state.items.append(item)
        }
    }

    /// Says that there are no more parts.
    func close() { monitor.change { $0.isClosed = true } }

    /// Why writing has failed; nil if it has not.
    var failure: StoreError? { monitor.read { $0.failure } }

    // MARK: the thread that writes

    /// Passes all parts to `write`, in their order, until there are no more, or it throws.
    ///
    /// - Parameter write: returns the number of entries that were written.
    func drain(_ write: (Item) throws(StoreError) -> TreeSize) {
        while let item = next() {
            do throws(StoreError) {
                let size = try write(item)
                monitor.change { state in
                    state.byteCount -= item.byteCount
                    state.size = size
                }
            } catch {
                return monitor.change { state in
                    state.failure = error
                    state.items = []
                }
            }
        }
    }

    private func next() -> Item? {
        monitor.wait { state -> Item?? in
            if let item = state.items.popFirst() { return .some(item) }
            return state.isClosed ? .some(nil) : nil
        } ?? nil
    }
}
