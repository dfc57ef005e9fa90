import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// Brings the tree files and the key index up to the ledger, each from its own mark, in one pass;
/// then checks the tree's root against the one that the ledger holds.
struct CatchUp {
    /// How much is read at a time before it is written to the views.
    private static let batchEntryCount = 4096
    private static let batchByteCount = 8 << 20

    /// Work is made durable after this many entries, in case the opening is stopped or killed.
    private static let checkpointEntryCount: UInt64 = 1 << 18

    private let path: String
    private let ledger: Ledger
    private let view: TreeView
    private let index: KeyIndex
    private let isWitness: Bool
    private let cancellation: Cancellation?
    private let log: LogSink

    /// - Parameter isWitness: see ``TreeView/begin(_:isWitness:)``.
    init(
        _ ledger: Ledger, _ view: TreeView, _ index: KeyIndex, isWitness: Bool, path: String,
        options: Database.Options
    ) {
        self.path = path
        self.ledger = ledger
        self.view = view
        self.index = index
        self.isWitness = isWitness
        cancellation = options.cancellation
        log = options.log
    }

    /// - Returns: the tree of all entries.
    /// - Throws: `cancelled`: the views are then valid as far as they go.
    func run() throws(StoreError) -> MerkleAccumulator {
        let tree = try bringUp(treeFrom: try view.markedTree(upTo: ledger.size))
        if tree.root == ledger.root { return tree }
        log(.warning, "the tree files do not lead to the ledger's root; they are rebuilt")
        try requireRootsOfLedger()
        return try bringUp(treeFrom: MerkleAccumulator())
    }

    /// Compares the entries with the roots that the ledger holds for them. Writes nothing.
    private func requireRootsOfLedger() throws(StoreError) {
        var tree = MerkleAccumulator()
        try ledger.forEachFrame(from: EntryIndex(0), to: EntryIndex(ledger.size.rawValue)) {
            frame throws(StoreError) in
            try cancellation?.check()
            frame.forEachEntry {
                tree.append(.leaf(index: $0.index, key: $0.key, value: $0.value))
            }
            guard tree.root == frame.root else {
                throw StoreError(
                    .tampered,
                    "\(path): the entries up to \(tree.size.rawValue - 1) do not have the root that "
                        + "the ledger holds for them: somebody changed one of the last \(frame.count). "
                        + "Nothing was changed now. Restore the folder from a backup and compare the two"
                )
            }
        }
    }

    private func bringUp(treeFrom start: MerkleAccumulator) throws(StoreError) -> MerkleAccumulator
    {
        // Otherwise stale records beyond the ledger's end would later look like witnesses of entries.
        try view.begin(start.size, isWitness: false)
        try view.digests.truncate(to: ledger.size.nodeCount)
        try view.positions.truncate(to: ledger.size.rawValue)
        var work = Work(tree: start, treeFirst: start.size, index: index)
        let from = min(start.size, index.completeSize)
        guard from < ledger.size else {
            try view.begin(start.size, isWitness: isWitness)
            return start
        }
        var progress = Progress(path: path, log: log, from: from, to: ledger.size)
        try view.reserve(ledger.size)
        try ledger.forEachFrame(
            from: EntryIndex(from.rawValue), to: EntryIndex(ledger.size.rawValue)
        ) { frame throws(StoreError) in
            if let cancellation, cancellation.isCancelled {
                try flush(&work)
                // The key index is written to disk when it is closed.
                try view.checkpoint(work.tree.size)
                try cancellation.check()
            }
            try frame.forEachEntry { entry throws(StoreError) in
                work.add(entry)
                if work.isFull(Self.batchEntryCount, Self.batchByteCount) {
                    try flush(&work)
                    try checkpointIfDue(work)
                }
            }
            progress.note(EntryIndex(frame.firstIndex.rawValue + UInt64(frame.count)))
        }
        try flush(&work)
        // So that a second crash does not repeat this work.
        try view.checkpoint(work.tree.size)
        try view.begin(work.tree.size, isWitness: isWitness)
        progress.end()
        return work.tree
    }

    private func flush(_ work: inout Work) throws(StoreError) {
        if work.addition.entryCount > 0 { view.append(work.addition, from: work.treeFirst) }
        if !work.keys.isEmpty { try index.applyRead(work.keys) }
        work.reset()
    }

    private func checkpointIfDue(_ work: Work) throws(StoreError) {
        let marked = view.positions.mark / Self.checkpointEntryCount
        if work.tree.size.rawValue / Self.checkpointEntryCount > marked {
            try view.checkpoint(work.tree.size)
        }
    }

    /// Data that was read from the ledger and is not written to the views yet.
    private struct Work {
        var tree: MerkleAccumulator
        /// The tree's size before `addition`.
        var treeFirst: TreeSize
        var addition = TreeAddition()
        var keys: [IndexedKey] = []
        private var keyByteCount = 0
        private var nextKey: TreeSize

        init(tree: MerkleAccumulator, treeFirst: TreeSize, index: KeyIndex) {
            self.tree = tree
            self.treeFirst = treeFirst
            nextKey = index.completeSize
        }

        mutating func add(_ entry: FrameView.EntryView) {
            if entry.index.rawValue == tree.size.rawValue {
                let leaf = Digest.leaf(index: entry.index, key: entry.key, value: entry.value)
                addition.add(leaf, at: entry.position, to: &tree)
            }
            if entry.index.rawValue == nextKey.rawValue {
                keys.append(IndexedKey(entry))
                nextKey = TreeSize(nextKey.rawValue + 1)
                keyByteCount += entry.key.count
            }
        }

        func isFull(_ entryCount: Int, _ byteCount: Int) -> Bool {
            keys.count >= entryCount || addition.entryCount >= entryCount
                || keyByteCount >= byteCount
        }

        mutating func reset() {
            treeFirst = tree.size
            addition = TreeAddition()
            keys.removeAll(keepingCapacity: true)
            keyByteCount = 0
        }
    }

    /// Logs the progress of long work.
    private struct Progress {
        let path: String
        let log: LogSink
        let from: TreeSize
        let to: TreeSize
        private let clock = ContinuousClock()
        private var last: ContinuousClock.Instant
        private let start: ContinuousClock.Instant

        init(path: String, log: @escaping LogSink, from: TreeSize, to: TreeSize) {
            self.path = path
            self.log = log
            self.from = from
            self.to = to
            start = clock.now
            last = start
        }

        mutating func note(_ next: EntryIndex) {
            guard clock.now - last >= .seconds(2) else { return }
            last = clock.now
            let done = next.rawValue - from.rawValue
            let total = to.rawValue - from.rawValue
            log(
                .info,
                "\(path): indexing, \(done) of \(total) entries (\(done * 100 / total) %)")
        }

        func end() {
            log(
                .info,
                "\(path): indexed the entries \(from) to \(to.rawValue - 1) in "
                    + "\((clock.now - start) / .milliseconds(1)) ms")
        }
    }
}
