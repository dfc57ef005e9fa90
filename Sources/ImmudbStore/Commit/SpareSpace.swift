import Ledger
import StorageIO

/// Leaves space on the disk for the key index, which writes its files at times of its own and would fail on a full
/// disk. Used by one thread.
final class SpareSpace {
    /// A full memtable of the key index as a file, and one file of its compaction.
    private static let spareByteCount: UInt64 = 12 << 20
    /// Files of the key index that are written before older ones are removed, and a segment.
    private static let spareFileCount: UInt64 = 16
    private static let checkInterval = Duration.milliseconds(50)
    /// The free space is read again after this many bytes were written.
    private static let checkByteCount = 1 << 20

    private let storage: Storage
    private var bytesSinceCheck = 0
    private var lastCheck = ContinuousClock.now
    private var lacksSpace = false

    init(_ storage: Storage) { self.storage = storage }

    /// Notes that `byteCount` bytes are written.
    func note(_ byteCount: Int) { bytesSinceCheck += byteCount }

    /// Refuses a write that would use the spare space. Reads the free space once a mebibyte, and after some time, since
    /// other programs write to the disk, too.
    ///
    /// - Throws: `noSpace`; the operating system's error if the free space cannot be read.
    func require() throws(StoreError) {
        let time = ContinuousClock.now
        guard
            storage.ledger.size.rawValue == 0 || bytesSinceCheck >= Self.checkByteCount
                || lacksSpace || time - lastCheck > Self.checkInterval
        else { return }
        lastCheck = time
        let free = try storage.freeSpace()
        let freeFileCount = free.fileCount ?? .max
        let lacksBytes = free.byteCount < Self.spareByteCount
        lacksSpace = lacksBytes || freeFileCount < Self.spareFileCount
        bytesSinceCheck = 0
        guard !lacksSpace else {
            let lack =
                lacksBytes
                ? "\(free.byteCount) bytes are free for \(storage.path); writes continue when "
                    + "\(Self.spareByteCount) are"
                : "\(freeFileCount) more files (inodes) can be created for \(storage.path); "
                    + "writes continue when \(Self.spareFileCount) can"
            throw StoreError(.noSpace, "only \(lack)")
        }
    }
}
