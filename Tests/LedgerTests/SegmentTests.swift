import Foundation
import Ledger
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import Synchronization
import Testing

/// Segments as files: how many are open, and how damage to their order is detected.
@Suite(.ownThread)
struct SegmentTests {
    /// Segments of a few entries each.
    private static let short: Ledger.Options = {
        var options = Ledger.Options()
        options.segmentByteCount = 300
        return options
    }()

    private func filled(_ fixture: LedgerFixture, frames: Int) throws -> Ledger {
        fixture.options.segmentByteCount = 300
        let ledger = try fixture.open()
        for number in 0..<frames { try fixture.append([[UInt8(number)]], to: ledger) }
        return ledger
    }

    @Test("reads all entries while only two files of segments may be open")
    func openFiles() throws {
        let disk = SimulatedDisk()
        var options = Self.short
        options.openSegmentCount = 2
        let fixture = LedgerFixture()
        let ledger = try Ledger(directory: "/ledger", fileSystem: disk, options: options)
        for number in 0..<40 { try fixture.append([[UInt8(number)]], to: ledger) }
        #expect(disk.files.count > 10)
        for _ in 0..<3 {
            for (entry, position) in zip(fixture.entries, fixture.positions) {
                #expect(try ledger.readEntry(entry.index, at: position) == entry)
                // The two, the newest, and the one that is being read.
                #expect(disk.openFileCount <= 4)
            }
        }
    }

    @Test("names the file of a new segment in errors by its current name")
    func names() throws {
        let disk = SimulatedDisk()
        let fixture = LedgerFixture()
        let ledger = try Ledger(directory: "/ledger", fileSystem: disk, options: Self.short)
        for number in 0..<5 { try fixture.append([[UInt8(number)]], to: ledger) }
        disk.fail(.matching { $0.kind == .write && $0.offset != 0 }, error: EIO)
        let error = #expect(throws: StoreError.self) {
            try fixture.append([[5]], to: ledger)
        }
        #expect(error?.message.contains(".segment: ") == true, "\(error!)")
    }

    @Test("makes a segment durable before it begins the next one")
    func endOfSegment() throws {
        let disk = SimulatedDisk()
        let fixture = LedgerFixture()
        let ledger = try Ledger(directory: "/ledger", fileSystem: disk, options: Self.short)
        var number: UInt8 = 0
        while disk.callCount(of: .rename) < 3 {
            try fixture.appendUnsynchronized([[number]], to: ledger)
            number += 1
        }
        // Only entries in the newest segment may be lost.
        let reopened = try Ledger(
            directory: "/ledger", fileSystem: disk.crashed(.losingUnsynchronized),
            options: Self.short)
        #expect(reopened.size == TreeSize(UInt64(fixture.entries.count - 1)))
        for (entry, position) in zip(fixture.entries.dropLast(), fixture.positions) {
            #expect(try reopened.readEntry(entry.index, at: position) == entry)
        }
    }

    @Test("stops writing when the name of a new segment may not be durable")
    func nameIsNotDurable() throws {
        let disk = SimulatedDisk()
        let fixture = LedgerFixture()
        let ledger = try Ledger(directory: "/ledger", fileSystem: disk, options: Self.short)
        try fixture.append([[0]], to: ledger)
        disk.fail(.matching { $0.kind == .synchronizeDirectory }, error: EIO)
        let error = #expect(throws: StoreError.self) {
            for number in 1..<6 { try fixture.append([[UInt8(number)]], to: ledger) }
        }
        #expect(error?.code == .writesStopped, "\(error!)")
    }

    @Test("reports a walk that finds no frame where entries must be")
    func walkWithoutFrame() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        for number in 0..<3 { try fixture.append([[UInt8(number)]], to: ledger) }
        let name = try #require(try fixture.segmentNames.first)
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[2].offset) + 3] ^= 1
        try fixture.write(bytes, to: name)
        #expect(throws: StoreError(.corruption, "")) {
            try ledger.forEachFrame(from: EntryIndex(0), to: EntryIndex(3)) { _ in }
        }
    }

    @Test("refuses a segment with any flipped bit in its head")
    func damagedHead() throws {
        let fixture = LedgerFixture()
        try filled(fixture, frames: 3).close()
        let name = try #require(try fixture.segmentNames.last)
        let whole = try fixture.bytes(of: name)
        for bit in 0..<(128 * 8) {
            let changed = try fixture.copy()
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            try changed.write(bytes, to: name)
            #expect(throws: StoreError.self, "bit \(bit)") { try changed.open() }
        }
    }

    @Test("refuses a frame with any flipped bit in its head, if frames follow it")
    func damagedFrameHead() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        for number in 0..<3 { try fixture.append([[UInt8(number)]], to: ledger) }
        try ledger.close()
        let name = try #require(try fixture.segmentNames.first)
        let whole = try fixture.bytes(of: name)
        // The first frame's head follows the segment's.
        for bit in (128 * 8)..<((128 + 48) * 8) {
            let changed = try fixture.copy()
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            try changed.write(bytes, to: name)
            #expect(throws: StoreError.self, "bit \(bit)") {
                let ledger = try changed.open()
                try ledger.forEachFrame(from: EntryIndex(0), to: EntryIndex(3)) { _ in }
            }
        }
    }

    @Test(
        "continues when the rename of a new segment reports an error, done or not",
        arguments: 0..<12)
    func renameReportsError(seed: UInt64) throws {
        let disk = SimulatedDisk(seed: seed)
        let fixture = LedgerFixture()
        let ledger = try Ledger(directory: "/ledger", fileSystem: disk, options: Self.short)
        // The first rename was for the first segment.
        disk.fail(.kind(.rename, number: 2), error: EIO)
        for number in 0..<6 {
            do {
                try fixture.append([[UInt8(number)]], to: ledger)
            } catch let error as StoreError {
                #expect(error.code == .io, "nothing was written: \(error)")
                try fixture.append([[UInt8(number)]], to: ledger)
            }
        }
        #expect(disk.callCount(of: .rename) >= 2)
        let reopened = try Ledger(
            directory: "/ledger", fileSystem: disk.crashed(.losingUnsynchronized),
            options: Self.short)
        #expect(reopened.size == TreeSize(6))
        for (entry, position) in zip(fixture.entries, fixture.positions) {
            #expect(try reopened.readEntry(entry.index, at: position) == entry)
        }
    }

    @Test("closes another segment's file when the process has no descriptor left")
    func noDescriptors() throws {
        let disk = SimulatedDisk()
        let fixture = LedgerFixture()
        let ledger = try Ledger(directory: "/ledger", fileSystem: disk, options: Self.short)
        for number in 0..<20 { try fixture.append([[UInt8(number)]], to: ledger) }
        _ = try ledger.readEntry(fixture.entries[0].index, at: fixture.positions[0])
        disk.limits.descriptorCount = disk.openFileCount
        for (entry, position) in zip(fixture.entries, fixture.positions) {
            #expect(try ledger.readEntry(entry.index, at: position) == entry)
        }
    }

    @Test(
        "removes an empty segment if the previous one extends into it, and keeps every entry"
    )
    func emptyNewest() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        try fixture.append([[0]], to: ledger)
        // A segment that begins with entry 1, made by a copy.
        let fork = try fixture.copy()
        fork.options.segmentByteCount = 300
        let name = "0000000001.segment"
        do {
            _ = try fork.open().prepareFrame(payloadByteCount: 300)
        }
        for number in 1..<4 { try fixture.append([[UInt8(number)]], to: ledger) }
        // A release that could not open the new segment and continued in the old one left this.
        try fixture.write(fork.bytes(of: name), to: name)

        let log = Mutex<[String]>([])
        let reopened = try fixture.open(log: { _, message in log.withLock { $0.append(message) } })
        #expect(reopened.size == TreeSize(4))
        #expect(log.withLock { $0 }.contains { $0.contains(name) && $0.contains("removed") })
        #expect(try !fixture.segmentNames.contains(name))
        try fixture.append([[4]], to: reopened)
        #expect(try fixture.open().size == TreeSize(5))
    }

    @Test("refuses a ledger whose last segment but one ends too early")
    func incompletePredecessor() throws {
        let fixture = LedgerFixture()
        _ = try filled(fixture, frames: 6)
        let names = try fixture.segmentNames
        #expect(names.count >= 3)
        let previous = names[names.count - 2]
        let bytes = try fixture.bytes(of: previous)
        try fixture.write(Array(bytes.prefix(bytes.count - 1)), to: previous)
        let error = #expect(throws: StoreError.self) { try fixture.open() }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains(previous) == true)
    }
}
