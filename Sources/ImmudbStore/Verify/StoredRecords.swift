import Ledger
import MerkleTree
import StorageIO

/// The records of one of the tree's files, for comparison with what the ledger says. Nothing of the file is trusted.
///
/// Used by one thread. Reading one record after the other costs one read for each mebibyte.
final class StoredRecords {
    private static let windowByteCount = 1 << 20

    let path: String
    let recordByteCount: Int
    /// How many records are complete and durable, as the head states, and in the file.
    let mark: UInt64
    /// How many records the head states to be durable.
    let statedMark: UInt64
    /// Whether a record beyond the mark shows that its entry was synchronized.
    let isWitness: Bool
    /// How many records the file can hold.
    let count: UInt64
    private let file: any StorageFile
    /// Owned by this object alone, and freed with it. What ``record(_:)`` returns is compared before the next
    /// ``prepare(_:_:)``, and lies within the `windowCount` whole records that were read.
    private let window: UnsafeMutableRawBufferPointer
    private var windowFirst: UInt64 = 0
    private var windowCount = 0

    /// - Throws: `corruption` for a damaged head, `foreignDatabase`; the operating system's errors.
    init(
        path: String, kind: ViewHead.Kind, identity: DatabaseIdentity, fileSystem: any FileSystem
    ) throws(StoreError) {
        let file = try fileSystem.open(path, .readOnly)
        let bytes = try file.read(byteCount: ViewHead.usedByteCount, at: 0)
        guard let head = ViewHead(bytes, kind: kind, identity: identity) else {
            if let other = Self.identity(in: bytes), other != identity {
                throw StoreError(.foreignDatabase, "the file belongs to the database \(other)")
            }
            throw StoreError(.corruption, "the head is damaged")
        }
        let byteCount = try file.byteCount()
        self.path = path
        self.file = file
        recordByteCount = kind.recordByteCount
        count =
            (max(byteCount, UInt64(ViewHead.byteCount)) - UInt64(ViewHead.byteCount))
            / UInt64(kind.recordByteCount)
        statedMark = head.mark
        mark = min(head.mark, count)
        isWitness = head.isWitness
        window = .allocate(byteCount: Self.windowByteCount, alignment: 16)
    }

    deinit { window.deallocate() }

    /// Returns the identity in a head whose checksum is valid.
    static func identity(in head: [UInt8]) -> DatabaseIdentity? {
        guard head.count == ViewHead.usedByteCount else { return nil }
        let isValid = head.withUnsafeBytes { bytes in
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<44]))
                == UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 44, as: UInt32.self))
        }
        return isValid ? DatabaseIdentity(head[16..<32]) : nil
    }

    /// Returns the offset of a record in the file.
    func offset(of record: UInt64) -> UInt64 { ViewHead.offset(of: record, recordByteCount) }

    /// Makes sure that ``record(_:)`` has the records from `first` on, as many of them as exist.
    func prepare(_ first: UInt64, _ number: Int) throws(StoreError) {
        let end = min(first + UInt64(number), count)
        guard first < end, first < windowFirst || end > windowFirst + UInt64(windowCount) else {
            return
        }
        let byteCount = min(
            window.count, Int(min(count - first, UInt64(window.count))) * recordByteCount)
        let target = UnsafeMutableRawBufferPointer(rebasing: window[..<byteCount])
        if first >= windowFirst, first <= windowFirst + UInt64(windowCount) {
            // Record follows record: the next window will be needed.
            file.willRead(
                byteCount: 2 * window.count, at: offset(of: first) + UInt64(byteCount))
        }
        windowCount = 0
        windowCount = try file.read(into: target, at: offset(of: first)) / recordByteCount
        windowFirst = first
    }

    /// Returns a record that was prepared; nil if the file does not have it.
    @inline(__always)
    func record(_ number: UInt64) -> UnsafeRawPointer? {
        guard number >= windowFirst, number - windowFirst < UInt64(windowCount) else { return nil }
        return UnsafeRawPointer(window.baseAddress! + Int(number - windowFirst) * recordByteCount)
    }

    /// Reads one digest; nil if the file does not have it.
    func digest(_ number: UInt64) throws(StoreError) -> Digest? {
        guard number < count else { return nil }
        try prepare(number, 1)
        return record(number).map { Digest(loadingFrom: $0) }
    }

    /// Returns the tree of a size as a tree file has it. Nothing shows yet that it is right.
    ///
    /// - Returns: nil if the file is too short.
    func tree(_ size: TreeSize) throws(StoreError) -> MerkleAccumulator? {
        guard size.nodeCount <= count else { return nil }
        var peaks: [Digest] = []
        for position in size.peaks {
            guard let peak = try digest(position.storageIndex) else { return nil }
            peaks.append(peak)
        }
        return MerkleAccumulator(size: size, peaks: peaks)
    }

    /// Whether the durable digests of a tree file follow from its leaves: so they state a history, right or not.
    func isTree() throws(StoreError) -> Bool {
        var tree = MerkleAccumulator()
        var isEqual = true
        while isEqual, TreeSize(tree.size.rawValue + 1).nodeCount <= mark {
            var number = tree.size.nodeCount
            try prepare(number, 64)
            guard let leaf = record(number) else { return false }
            tree.append(Digest(loadingFrom: leaf)) { _, digest in
                if record(number).map({ Digest(loadingFrom: $0) }) != digest { isEqual = false }
                number += 1
            }
        }
        return isEqual
    }

    /// Reads one position; nil if the file does not have it.
    func position(_ number: UInt64) throws(StoreError) -> EntryPosition? {
        guard number < count else { return nil }
        try prepare(number, 1)
        return record(number).map {
            EntryPosition(packed: UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)))
        }
    }
}

extension Digest {
    /// Whether another digest was stored, rather than this one damaged in some bits or overwritten by zeros.
    func isWhollyDifferent(from other: Digest) -> Bool {
        var count = 0
        var isZero = true
        withUnsafeBytes { mine in
            other.withUnsafeBytes { others in
                for (one, two) in zip(mine, others) {
                    count += (one ^ two).nonzeroBitCount
                    isZero = isZero && one == 0
                }
            }
        }
        return count > 32 && !isZero
    }
}
