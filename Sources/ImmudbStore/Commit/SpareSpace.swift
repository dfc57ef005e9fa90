import Ledger
import StorageIO

/// Leaves space on the disk for the key index, which writes its files on its own account and, on a
/// full disk, would fail. Used by one thread.
final class SpareSpace {
    /// A full memtable of the key index as a file, and one file of its compaction.
    private static let spareByteCount: UInt64 = 12 << 20
    /// Files of the key index that are written before older ones are removed, and a segment.
    private static let spareFileCount: UInt64 = 16
    private static let checkInterval = Duration.milliseconds(50)
    /// The disk is asked again when so much was written.
    private static let checkByteCount = 1 << 20

    private let storage: Storage
    private var bytesSinceCheck = 0
    private var lastCheck = ContinuousClock.now
    private var lacksSpace = false

    init(_ storage: Storage) { self.storage = storage }

    /// Notes that so many bytes are written.
    func note(_ byteCount: Int) { bytesSinceCheck += byteCount }

    /// Refuses a write that would take the spare space. Asks the system once a mebibyte, and, as others
    /// write to the disk too, when some time has passed.
    ///
    /// - Throws: `noSpace`; the operating system's error if it does not tell.
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
                ? "\(free.byteCount) bytes are free for \(storage.path); writes go on when "
                    + "\(Self.spareByteCount) are"
                : "\(freeFileCount) more files (inodes) can be created for \(storage.path); "
                    + "writes go on when \(Self.spareFileCount) can"
            throw StoreError(.noSpace, "only \(lack)")
        }
    }
}
