import StorageIO
import Synchronization

/// A file of records of one size, number i at place i: a view of the ledger with one record for each entry
/// or node.
///
/// Its head carries a mark: so many records are complete and durable. What lies behind the mark may be
/// anything after a crash and is derived again. A file that cannot be right is made anew: it is a view.
///
/// One thread writes records, one sets marks, any thread reads.
final class ViewFile: Sendable {
    private static let headByteCount = 4096
    private static let headUsedByteCount = 48
    private static let version: UInt32 = 1
    /// The space that is reserved at a time.
    private static let allocationByteCount: UInt64 = 4 << 20

    let file: any StorageFile
    let recordByteCount: Int
    /// The mark that the file had when it was opened.
    let markAtOpen: UInt64
    private let magic: UInt64
    private let identity: DatabaseIdentity
    private let reservedByteCount: Mutex<UInt64>
    private let isDamaged = Atomic(false)

    /// Opens the file, or makes it, or makes it anew when it is damaged or not this database's.
    init(
        path: String, magic: UInt64, recordByteCount: Int, identity: DatabaseIdentity,
        fileSystem: any FileSystem, log: LogSink
    ) throws(StoreError) {
        var file: any StorageFile
        var mark: UInt64 = 0
        if try fileSystem.exists(path) {
            file = try fileSystem.open(path, .readWrite)
            let head = try file.read(byteCount: Self.headUsedByteCount, at: 0)
            if let found = Self.mark(head, magic, recordByteCount, identity) {
                mark = found
            } else {
                log(.warning, "\(path) is damaged or of another database; it is made anew from the ledger")
                try file.truncate(to: 0)
            }
        } else {
            file = try fileSystem.open(path, .createNew)
        }
        self.file = file
        self.magic = magic
        self.recordByteCount = recordByteCount
        self.identity = identity
        markAtOpen = mark
        reservedByteCount = Mutex(try file.byteCount())
        try setMark(mark)
    }

    // MARK: records

    /// Reads as many records as fit into the buffer, from number `first` on.
    func read(into buffer: UnsafeMutableRawBufferPointer, from first: UInt64) throws(StoreError) {
        try file.readExactly(into: buffer, at: place(first))
    }

    /// Makes room, so that the writes up to record `end` cannot fail for lack of space.
    func reserve(to end: UInt64) throws(StoreError) {
        let needed = place(end)
        let reserved = reservedByteCount.withLock { $0 }
        guard needed > reserved else { return }
        let target = max(needed, reserved + Self.allocationByteCount)
        try file.allocate(byteCount: target)
        reservedByteCount.withLock { $0 = target }
    }

    func write(_ records: UnsafeRawBufferPointer, from first: UInt64) throws(StoreError) {
        try file.write(records, at: place(first))
    }

    /// Drops the records from number `end` on; what is reserved there later reads as zeros.
    func truncate(to end: UInt64) throws(StoreError) {
        guard try file.byteCount() > place(end) else { return }
        try file.truncate(to: place(end))
        reservedByteCount.withLock { $0 = place(end) }
    }

    // MARK: the mark

    /// Says that the first `mark` records are right, after making them durable.
    func checkpoint(_ mark: UInt64) throws(StoreError) {
        guard !isDamaged.load(ordering: .relaxed) else { return }
        try file.synchronize()
        try setMark(mark)
    }

    /// Gives up the mark, so that the next opening derives all records again.
    func markDamaged() {
        isDamaged.store(true, ordering: .relaxed)
        // If even this fails, the next opening finds the same damage that the caller reports now.
        try? setMark(0)
    }

    func byteCount() throws(StoreError) -> UInt64 { try file.byteCount() }

    private func place(_ record: UInt64) -> UInt64 {
        UInt64(Self.headByteCount) + record * UInt64(recordByteCount)
    }

    private func setMark(_ mark: UInt64) throws(StoreError) {
        var head: [UInt8] = []
        func put<Number: FixedWidthInteger>(_ number: Number) {
            withUnsafeBytes(of: number.littleEndian) { head.append(contentsOf: $0) }
        }
        put(magic)
        put(Self.version)
        put(UInt32(recordByteCount))
        head.append(contentsOf: identity.bytes)
        put(mark)
        put(UInt32(0))
        put(head.withUnsafeBytes(CRC32C.checksum))
        try file.write(head, at: 0)
    }

    private static func mark(
        _ head: [UInt8], _ magic: UInt64, _ recordByteCount: Int, _ identity: DatabaseIdentity
    ) -> UInt64? {
        guard head.count == headUsedByteCount else { return nil }
        return head.withUnsafeBytes { bytes in
            guard bytes.loadUnaligned(as: UInt64.self).littleEndian == magic,
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self).littleEndian == version,
                bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self).littleEndian
                    == UInt32(recordByteCount),
                bytes[16..<32].elementsEqual(identity.bytes),
                CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<44]))
                    == bytes.loadUnaligned(fromByteOffset: 44, as: UInt32.self).littleEndian
            else { return nil }
            return bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self).littleEndian
        }
    }
}
