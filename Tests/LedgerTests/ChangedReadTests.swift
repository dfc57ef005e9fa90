import Ledger
import SimulatedDisk
import StorageIO
import Synchronization
import Testing

/// A disk, or a cable, that gives back other bytes the second time.
struct ChangedReadTests {
    @Test("a frame that reads wrong when it is to be written again is refused, and stays as it is")
    func secondRead() throws {
        let disk = SimulatedDisk()
        let fixture = LedgerFixture()
        let ledger = try Ledger(directory: "/ledger", fileSystem: disk)
        for number in 0..<3 { try fixture.append([[UInt8(number), 1, 2, 3]], to: ledger) }
        try ledger.close()
        let path = "/ledger/0000000000.segment"
        let before = disk.bytes(of: path)
        let end = (before?.lastIndex { $0 != 0 } ?? 0) + 1
        let changing = ChangingFileSystem(disk, end: end)
        let error = #expect(throws: StoreError.self) {
            try Ledger(directory: "/ledger", fileSystem: changing)
        }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains(path) == true)
        #expect(disk.bytes(of: path) == before)
        let again = try Ledger(directory: "/ledger", fileSystem: disk)
        for (entry, position) in zip(fixture.entries, fixture.positions) {
            #expect(try again.readEntry(entry.index, at: position) == entry)
        }
    }
}

/// A disk of which the second read of the frames gives back one changed byte in each hundred.
private final class ChangingFileSystem: FileSystem {
    private let base: SimulatedDisk
    /// Where the last frame ends.
    private let end: Int
    private let readCount = Atomic(0)

    init(_ base: SimulatedDisk, end: Int) {
        self.base = base
        self.end = end
    }

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        File(try base.open(path, mode), self)
    }
    func names(inDirectory path: String) throws(StoreError) -> [String] {
        try base.names(inDirectory: path)
    }
    func createDirectory(_ path: String) throws(StoreError) { try base.createDirectory(path) }
    func exists(_ path: String) throws(StoreError) -> Bool { try base.exists(path) }
    func removeFile(_ path: String) throws(StoreError) { try base.removeFile(path) }
    func rename(_ path: String, to newPath: String) throws(StoreError) {
        try base.rename(path, to: newPath)
    }
    func synchronizeDirectory(_ path: String) throws(StoreError) {
        try base.synchronizeDirectory(path)
    }
    func freeSpace(at path: String) throws(StoreError) -> FreeSpace {
        try base.freeSpace(at: path)
    }
    func lock(_ path: String) throws(StoreError) -> any FileLock { try base.lock(path) }

    private final class File: StorageFile {
        private let base: any StorageFile
        private let owner: ChangingFileSystem

        init(_ base: any StorageFile, _ owner: ChangingFileSystem) {
            self.base = base
            self.owner = owner
        }

        var path: String { base.path }
        func wasRenamed(to newPath: String) { base.wasRenamed(to: newPath) }

        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
        ) throws(StoreError) -> Int {
            let count = try base.read(into: buffer, at: offset)
            // Behind the head of 128 bytes, and before the zeros at the end.
            if 128..<UInt64(owner.end) ~= offset,
                owner.readCount.add(1, ordering: .relaxed).newValue > 1
            {
                for place in stride(from: 0, to: count, by: 100) { buffer[place] ^= 1 }
            }
            return count
        }
        func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
            try base.write(bytes, at: offset)
        }
        func synchronizeData() throws(StoreError) { try base.synchronizeData() }
        func synchronize() throws(StoreError) { try base.synchronize() }
        func allocate(byteCount: UInt64) throws(StoreError) {
            try base.allocate(byteCount: byteCount)
        }
        func byteCount() throws(StoreError) -> UInt64 { try base.byteCount() }
        func truncate(to byteCount: UInt64) throws(StoreError) {
            try base.truncate(to: byteCount)
        }
    }
}
