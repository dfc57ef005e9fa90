import Ledger
import MerkleTree
import SimulatedDisk
import StorageIO
import TestTools

/// A promise that a ledger has broken.
struct BrokenPromise: Error, CustomStringConvertible {
    var description: String
}

/// The entries that a ledger was asked to store, and those that it acknowledged.
struct LedgerModel {
    /// All entries whose append has begun, in order.
    private(set) var entries: [LedgerEntry] = []
    /// The tree after each frame, by its size.
    private var trees = [0: MerkleAccumulator()]
    /// The number of entries whose sync has returned.
    private(set) var acknowledgedCount = 0
    /// Makes the entries of different attempts at an index different.
    private var attempt = 0

    var tree: MerkleAccumulator { trees[entries.count] ?? MerkleAccumulator() }

    /// Begins a frame with values of these lengths.
    mutating func addFrame(_ byteCounts: [Int]) -> [LedgerEntry] {
        attempt += 1
        var tree = self.tree
        var random = SplitMix64(seed: UInt64(attempt))
        let added = byteCounts.enumerated().map { place, byteCount in
            let index = EntryIndex(UInt64(entries.count + place))
            let entry = LedgerEntry(
                index: index, kind: 0, isEndOfBatch: place == byteCounts.count - 1,
                key: Array("key \(index), attempt \(attempt)".utf8),
                value: (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            tree.append(.leaf(index: index, key: entry.key, value: entry.value))
            return entry
        }
        entries += added
        trees[entries.count] = tree
        return added
    }

    mutating func acknowledge() {
        acknowledgedCount = entries.count
    }

    /// Removes a frame that the ledger has refused without storing anything.
    mutating func removeFrame(_ frame: [LedgerEntry]) {
        trees[entries.count] = nil
        entries.removeLast(frame.count)
    }

    /// Continues from the entries that a ledger has recovered.
    ///
    /// - Throws: `BrokenPromise` if they are not a prefix of frames with everything acknowledged.
    mutating func recover(_ ledger: Ledger) throws {
        let count = Int(ledger.size.rawValue)
        guard count >= acknowledgedCount else {
            throw BrokenPromise(
                description: "\(acknowledgedCount) entries were acknowledged, \(count) are there")
        }
        guard count <= entries.count, let tree = trees[count] else {
            throw BrokenPromise(
                description: "\(count) entries are there, which is the end of no frame")
        }
        guard ledger.root == tree.root else {
            throw BrokenPromise(description: "the root after \(count) entries is wrong")
        }
        var next = 0
        try ledger.forEachFrame(from: EntryIndex(0), to: EntryIndex(UInt64(count))) {
            frame throws(StoreError) in
            try frame.forEachEntry { entry throws(StoreError) in
                guard next < count, entry.index == entries[next].index,
                    Array(entry.key) == entries[next].key,
                    Array(entry.value) == entries[next].value
                else { throw StoreError(.tampered, "entry \(entry.index) is not what was stored") }
                next += 1
            }
        }
        guard next == count else {
            throw BrokenPromise(description: "\(next) of \(count) entries can be read")
        }
        trees = trees.filter { $0.key <= count }
        entries.removeLast(entries.count - count)
        // An entry that a reader has seen must stay.
        acknowledgedCount = count
    }
}

/// Frames of several sizes, written to a ledger on a simulated disk.
final class LedgerWorkload {
    static let path = "/db/ledger"

    enum Step {
        case frame([Int])
        case synchronize
        case reopen
    }

    /// Several segments of 4 KiB, a larger frame, groups of frames with one sync, and reopenings
    /// after a close.
    static let script: [Step] = [
        .frame([1]), .synchronize, .frame([40, 0, 300]), .synchronize,
        .frame([700]), .frame([5, 5]), .synchronize, .frame([1500]), .synchronize,
        .frame([1200]), .synchronize, .reopen, .frame([20]), .synchronize,
        .frame([6000]), .synchronize, .frame([1]), .frame([2]), .frame([600]), .synchronize,
        .frame([3000]), .synchronize, .frame([900]), .synchronize, .reopen, .frame([30]),
        .synchronize,
    ]

    let disk: SimulatedDisk
    private(set) var model = LedgerModel()
    private var ledger: Ledger?

    init(_ disk: SimulatedDisk) {
        self.disk = disk
    }

    /// Runs the steps until one fails.
    func run() throws {
        try open()
        for step in Self.script {
            do { try perform(step) } catch let refused as RefusedFrame { throw refused.cause }
        }
    }

    /// Runs all steps as a database does that handles errors. After a frame of which nothing was
    /// written, it writes a small one, which may fit where the other did not, and the other again.
    /// After any other failure it reopens the ledger.
    func runThroughErrors() throws {
        try retrying { try open() }
        for step in Self.script {
            do {
                try perform(step)
            } catch is RefusedFrame {
                do {
                    try perform(.frame([0]))
                    try perform(.synchronize)
                    try perform(step)
                } catch is RefusedFrame {
                    try retrying { try open() }
                } catch is StoreError {
                    try retrying { try open() }
                }
            } catch is StoreError {
                try retrying { try open() }
            }
        }
    }

    private func retrying(_ body: () throws -> Void) throws {
        do { try body() } catch is StoreError { try body() }
    }

    /// The ledger wrote nothing of a frame, and may continue.
    private struct RefusedFrame: Error {
        var cause: StoreError
    }

    private func perform(_ step: Step) throws {
        switch step {
        case .frame(let byteCounts): try append(byteCounts)
        case .synchronize:
            try ledger?.synchronize()
            model.acknowledge()
        case .reopen:
            try ledger?.close()
            model.acknowledge()
            try open()
        }
    }

    private func open() throws {
        ledger = nil
        let opened = try Self.openLedger(disk)
        try model.recover(opened)
        ledger = opened
    }

    private func append(_ byteCounts: [Int]) throws {
        guard let ledger else { throw StoreError(.closed, "the ledger could not be reopened") }
        let entries = model.addFrame(byteCounts)
        do throws(StoreError) {
            try Self.append(entries, root: model.tree.root, to: ledger) { error in
                if error.code != .writesStopped && error.code != .outcomeUnknown {
                    model.removeFrame(entries)
                }
            }
        } catch {
            if model.entries.count == entries.first.map({ Int($0.index.rawValue) }) {
                throw RefusedFrame(cause: error)
            }
            throw error
        }
    }

    static func openLedger(_ disk: SimulatedDisk) throws(StoreError) -> Ledger {
        var options = Ledger.Options()
        options.segmentByteCount = 4096
        return try Ledger(directory: path, fileSystem: disk, options: options)
    }

    /// - Parameter refused: called if making room has failed, before anything was written.
    private static func append(
        _ entries: [LedgerEntry], root: Digest, to ledger: Ledger,
        refused: (StoreError) -> Void
    ) throws(StoreError) {
        let frame = FrameBuffer()
        let byteCount = FrameBuffer.payloadByteCount(
            keyAndValueByteCount: entries.reduce(0) { $0 + $1.key.count + $1.value.count },
            entryCount: entries.count)
        let position: EntryPosition
        do throws(StoreError) {
            position = try ledger.prepareFrame(payloadByteCount: byteCount)
        } catch {
            refused(error)
            throw error
        }
        frame.begin(
            firstIndex: entries[0].index, at: position, payloadByteCount: byteCount)
        for entry in entries {
            entry.key.withUnsafeBytes { key in
                entry.value.withUnsafeBytes { value in
                    _ = frame.add(
                        kind: entry.kind, key: key, value: value, isEndOfBatch: entry.isEndOfBatch)
                }
            }
        }
        frame.end(root: root)
        try ledger.append(frame)
    }

    // MARK: checking

    /// Opens the ledger on a disk after a power failure or the end of its process, checks every
    /// promise, continues to write, closes, and checks again.
    static func check(_ disk: SimulatedDisk, against model: LedgerModel) throws {
        let next = LedgerWorkload(disk)
        next.model = model
        try next.open()
        try next.perform(.frame([50, 60]))
        try next.perform(.synchronize)
        try next.perform(.reopen)
        next.ledger = nil
        // All of it was acknowledged.
        let after = LedgerWorkload(disk.crashed(.losingUnsynchronized))
        after.model = next.model
        try after.open()
    }
}
