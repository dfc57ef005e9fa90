import ImmudbModel
import KeyIndex
import Ledger
import MerkleTree
import StorageIO

/// The first stage of the pipeline: makes groups durable, one after the other. Used by its thread
/// only.
///
/// `@unchecked Sendable`: handed to the thread once, before it starts.
final class Committer: @unchecked Sendable {
    /// A full memtable of the key index as a file, and one file of its compaction.
    private static let spareByteCount: UInt64 = 12 << 20
    /// Files of the key index that are written before older ones are removed, and a segment.
    private static let spareFileCount: UInt64 = 16
    private static let spaceCheckInterval = Duration.milliseconds(50)

    private let pipeline: CommitPipeline
    private let ledger: Ledger
    private let view: TreeView
    private var tree: MerkleAccumulator
    private let frame = FrameBuffer()
    private var bytesSinceSpaceCheck = 0
    private var lastSpaceCheck = ContinuousClock.now
    private var lacksSpace = false
    private let clock = ContinuousClock()
    private var unsynchronizedSince: ContinuousClock.Instant?

    init(pipeline: CommitPipeline, tree: MerkleAccumulator) {
        self.pipeline = pipeline
        self.tree = tree
        ledger = pipeline.storage.ledger
        view = pipeline.storage.tree
    }

    func run() {
        while let group = pipeline.nextGroup(timeoutMilliseconds: timeToNextSync()) {
            let wanted = withoutCancelled(group)
            if let failure = pipeline.failure {
                for unit in wanted { unit.completion(.failure(failure)) }
            } else if !wanted.isEmpty {
                commit(wanted)
            }
            synchronizeIfDue()
        }
        pipeline.endOfCommits()
    }

    private func withoutCancelled(_ group: [CommitUnit]) -> [CommitUnit] {
        group.filter { unit in
            guard unit.isCancelled() else { return true }
            unit.completion(
                .failure(StoreError(.cancelled, "cancelled before anything was written")))
            return false
        }
    }

    /// Makes one group durable and hands it on; or fails its callers.
    private func commit(_ units: [CommitUnit]) {
        let payloadByteCount = FrameBuffer.payloadByteCount(
            keyAndValueByteCount: units.reduce(0) { $0 + $1.byteCount },
            entryCount: units.reduce(0) { $0 + $1.entries.count })
        let before = tree.size
        let start: EntryPosition
        do throws(StoreError) {
            start = try prepare(units, payloadByteCount)
        } catch {
            // Nothing of this group was written: the next one may have more luck, unless earlier
            // bytes are in doubt.
            let reported = pipeline.refusal(for: error)
            for unit in units { unit.completion(.failure(reported)) }
            return
        }
        bytesSinceSpaceCheck += payloadByteCount
        frame.begin(
            firstIndex: EntryIndex(before.rawValue), at: start, payloadByteCount: payloadByteCount)
        var addition = TreeAddition()
        let keys = encode(units, &addition)
        let edge = tree.edge
        frame.end(root: edge.root)
        do throws(StoreError) {
            try ledger.append(frame)
            if pipeline.durability == .always {
                try ledger.synchronize()
            } else {
                noteUnsynchronized()
            }
        } catch {
            _ = pipeline.stop(error)
            let unknown = StoreError(
                .outcomeUnknown,
                "the disk failed while the write was on its way: it may have been stored",
                cause: error)
            for unit in units { unit.completion(.failure(unknown)) }
            return
        }
        // Durable from here on: nothing may fail these callers any more.
        view.append(addition, from: before)
        pipeline.publish(
            CommitGroup(
                units: units, first: EntryIndex(before.rawValue), keys: keys, tree: tree,
                edge: edge))
    }

    /// All that may fail for lack of space, before anything is written.
    private func prepare(
        _ units: [CommitUnit], _ payloadByteCount: Int
    ) throws(StoreError) -> EntryPosition {
        try requireSpace()
        let entryCount = units.reduce(0) { $0 + $1.entries.count }
        try view.reserve(TreeSize(tree.size.rawValue + UInt64(entryCount)))
        return try ledger.prepareFrame(payloadByteCount: payloadByteCount)
    }

    /// Leaves space for the key index, which writes its files on its own account and, on a full
    /// disk, would end all writing. Asks the system once a mebibyte, and, as others write to the
    /// disk too, when some time has passed.
    private func requireSpace() throws(StoreError) {
        let time = ContinuousClock.now
        guard
            ledger.size.rawValue == 0 || bytesSinceSpaceCheck >= 1 << 20 || lacksSpace
                || time - lastSpaceCheck > Self.spaceCheckInterval
        else { return }
        lastSpaceCheck = time
        let free = try pipeline.storage.freeSpace()
        let freeFileCount = free.fileCount ?? .max
        let lacksBytes = free.byteCount < Self.spareByteCount
        lacksSpace = lacksBytes || freeFileCount < Self.spareFileCount
        bytesSinceSpaceCheck = 0
        guard !lacksSpace else {
            let lack =
                lacksBytes
                ? "\(free.byteCount) bytes are free for \(pipeline.storage.path); writes go on when "
                    + "\(Self.spareByteCount) are"
                : "\(freeFileCount) more files (inodes) can be created for \(pipeline.storage.path); "
                    + "writes go on when \(Self.spareFileCount) can"
            throw StoreError(.noSpace, "only \(lack)")
        }
    }

    private func encode(_ units: [CommitUnit], _ addition: inout TreeAddition) -> [IndexedKey] {
        var keys: [IndexedKey] = []
        let entryCount = units.reduce(0) { $0 + $1.entries.count }
        keys.reserveCapacity(entryCount)
        addition.reserveCapacity(entryCount)
        for unit in units {
            for (place, entry) in unit.entries.enumerated() {
                let index = EntryIndex(tree.size.rawValue)
                let isLast = place == unit.entries.count - 1
                let (leaf, record) = entry.key.withUnsafeBytes { key in
                    entry.value.withUnsafeBytes { value in
                        (
                            Digest.leaf(index: index, key: key, value: value),
                            frame.add(
                                kind: entry.kind.rawValue, key: key, value: value,
                                isEndOfBatch: isLast)
                        )
                    }
                }
                addition.add(leaf, at: record.position, to: &tree, view: view)
                keys.append(
                    IndexedKey(
                        entry, index: index, position: record.position,
                        byteCount: record.byteCount))
            }
        }
        return keys
    }

    // MARK: durability by interval

    private func noteUnsynchronized() {
        if unsynchronizedSince == nil { unsynchronizedSince = clock.now }
    }

    private func timeToNextSync() -> Int? {
        guard case .interval(let milliseconds) = pipeline.durability,
            let since = unsynchronizedSince
        else { return nil }
        let passed = (clock.now - since) / .milliseconds(1)
        return max(0, milliseconds - Int(passed))
    }

    private func synchronizeIfDue() {
        guard timeToNextSync() == 0 else { return }
        unsynchronizedSince = nil
        do throws(StoreError) { try ledger.synchronize() } catch { _ = pipeline.stop(error) }
    }
}

extension IndexedKey {
    /// What the key index keeps of an entry.
    init(_ entry: NewEntry, index: EntryIndex, position: EntryPosition, byteCount: Int) {
        self.init(
            key: entry.key,
            place: EntryPlace(
                index: index, kind: entry.kind.rawValue, position: position.packed,
                length: UInt32(byteCount)),
            memberLength: entry.kind == .sortedSetMember ? entry.value.count : 0)
    }
}
