import Ledger
import OwnThread
import SimulatedDisk
import StorageIO
import Synchronization
import Testing

/// A disk, or a cable, that returns other bytes at the second read.
@Suite(.ownThread)
struct ChangedReadTests {
    @Test("refuses a frame that reads wrong when it is to be written again, and keeps it as it is")
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

/// A disk whose second read of the frames has one changed byte in each hundred.
private final class ChangingFileSystem: ForwardingFileSystem {
    let base: SimulatedDisk
    /// The end of the last frame.
    private let end: Int
    private let readCount = Atomic(0)

    init(_ base: SimulatedDisk, end: Int) {
        self.base = base
        self.end = end
    }

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        File(try base.open(path, mode), self)
    }

    private final class File: ForwardingFile {
        let base: any StorageFile
        private let owner: ChangingFileSystem

        init(_ base: any StorageFile, _ owner: ChangingFileSystem) {
            self.base = base
            self.owner = owner
        }

        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
        ) throws(StoreError) -> Int {
            let count = try base.read(into: buffer, at: offset)
            // After the head of 128 bytes, and before the zeros at the end.
            if 128..<UInt64(owner.end) ~= offset,
                owner.readCount.add(1, ordering: .relaxed).newValue > 1
            {
                for place in stride(from: 0, to: count, by: 100) { buffer[place] ^= 1 }
            }
            return count
        }
    }
}
