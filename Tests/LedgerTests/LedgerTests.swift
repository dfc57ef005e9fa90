import Foundation
import Ledger
import MerkleTree
import OwnThread
import StorageIO
import Synchronization
import Testing

@Suite(.ownThread)
struct LedgerTests {
    @Test("returns all entries after a reopening, over several segments, byte for byte")
    func roundTrip() throws {
        let fixture = LedgerFixture()
        fixture.options.segmentByteCount = 4096
        for _ in 0..<3 {
            let ledger = try fixture.open()
            #expect(ledger.size == TreeSize(UInt64(fixture.entries.count)))
            for number in 0..<20 {
                try fixture.append(
                    (0...number % 4).map { _ in
                        [UInt8](repeating: UInt8(number), count: number * 30)
                    },
                    to: ledger)
            }
            try ledger.close()
        }
        let ledger = try fixture.open()
        #expect(ledger.root == fixture.tree.root)
        #expect(try fixture.segmentNames.count > 3)
        for (entry, position) in zip(fixture.entries, fixture.positions) {
            #expect(try ledger.readEntry(entry.index, at: position) == entry)
            #expect(try ledger.locate(entry.index) == position)
        }
        for start in stride(from: 0, to: fixture.entries.count, by: 7) {
            var seen: [EntryPosition] = []
            try ledger.forEachFrame(
                from: EntryIndex(UInt64(start)), to: EntryIndex(UInt64(fixture.entries.count))
            ) { frame throws(StoreError) in
                frame.forEachEntry { if $0.index.rawValue >= start { seen.append($0.position) } }
            }
            #expect(seen == Array(fixture.positions[start...]))
        }
    }

    @Test("gives an entry larger than a segment a segment of its own")
    func largeEntry() throws {
        let fixture = LedgerFixture()
        fixture.options.segmentByteCount = 4096
        let ledger = try fixture.open()
        try fixture.append([[1]], to: ledger)
        try fixture.append([[UInt8](repeating: 7, count: 100_000)], to: ledger)
        try fixture.append([[2]], to: ledger)
        for (entry, position) in zip(fixture.entries, fixture.positions) {
            #expect(try ledger.readEntry(entry.index, at: position) == entry)
        }
    }

    @Test("cuts a torn last frame at every possible length, and keeps the rest")
    func tornTail() throws {
        let fixture = LedgerFixture()
        fixture.options.segmentByteCount = 64 << 10
        let ledger = try fixture.open()
        try fixture.append([[1], [2]], to: ledger)
        let before = try ledgerEnd(fixture)
        try fixture.append([Array(repeating: 3, count: 50)], to: ledger)
        let after = try ledgerEnd(fixture)
        let name = try #require(try fixture.segmentNames.first)
        let whole = try fixture.bytes(of: name)
        for end in before..<after {
            let torn = try fixture.copy()
            var bytes = whole
            for place in end..<after { bytes[place] = 0 }
            try torn.write(bytes, to: name)
            let reopened = try torn.open()
            #expect(reopened.size == TreeSize(2))
            // The ledger continues from there, with nothing left of the torn frame.
            torn.removeEntries(from: 2)
            try torn.append([[9]], to: reopened)
            #expect(try torn.open().size == TreeSize(3))
        }
    }

    @Test("refuses a damaged, acknowledged frame by file, offset and entry, and never cuts it")
    func damage() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        for number in 0..<3 { try fixture.append([[UInt8(number)]], to: ledger) }
        let name = try #require(try fixture.segmentNames.first)
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[1].offset) + 3] ^= 0x40
        try fixture.write(bytes, to: name)
        let error = #expect(throws: StoreError.self) { try fixture.open() }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains("\(fixture.path)/\(name), byte ") == true)
        #expect(error?.message.contains("entry 1:") == true)
        #expect(try fixture.bytes(of: name) == bytes)
    }

    @Test("refuses a damaged last frame if a view has its entry")
    func damagedLastFrame() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        try fixture.append([[1]], to: ledger)
        try fixture.append([[2]], to: ledger)
        let name = try #require(try fixture.segmentNames.first)
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[1].offset) + 3] ^= 0x40
        try fixture.write(bytes, to: name)
        #expect(throws: StoreError(.corruption, "")) {
            try fixture.open(wasAcknowledged: { $0 == EntryIndex(1) })
        }
    }

    @Test("reports every flipped bit of a closed ledger that matters, and never returns it as data")
    func bitFlips() throws {
        let fixture = LedgerFixture()
        fixture.options.segmentByteCount = 600
        let ledger = try fixture.open()
        for number in 0..<8 { try fixture.append([[UInt8(number), 7, 7], [8]], to: ledger) }
        try ledger.close()
        let names = try fixture.segmentNames
        #expect(names.count > 1)
        var generator = SystemRandomNumberGenerator()
        for name in names {
            let whole = try fixture.bytes(of: name)
            for place in whole.indices where place < 600 || place % 997 == 0 {
                let changed = try fixture.copy()
                var bytes = whole
                bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
                try changed.write(bytes, to: name)
                do {
                    let reopened = try changed.open()
                    #expect(reopened.size == TreeSize(16), "\(name), byte \(place)")
                    for (entry, position) in zip(fixture.entries, fixture.positions) {
                        do {
                            #expect(try reopened.readEntry(entry.index, at: position) == entry)
                        } catch {
                            #expect(error.code == .corruption)
                            #expect(error.message.contains(name))
                        }
                    }
                } catch let error as StoreError {
                    #expect(
                        [.corruption, .incompatibleFormat, .foreignDatabase].contains(error.code))
                    #expect(error.message.contains(".segment"))
                }
            }
        }
    }

    @Test(
        "refuses a missing segment, one of another database, and one of another version by name"
    )
    func foreignSegments() throws {
        let fixture = LedgerFixture()
        fixture.options.segmentByteCount = 300
        let ledger = try fixture.open()
        for number in 0..<6 { try fixture.append([[UInt8(number)]], to: ledger) }
        try ledger.close()
        let names = try fixture.segmentNames
        #expect(names.count >= 3)

        let missing = try fixture.copy()
        try FileManager.default.removeItem(atPath: "\(missing.path)/\(names[1])")
        let gone = #expect(throws: StoreError.self) { try missing.open() }
        #expect(gone?.message.contains("\(names[1]) is missing") == true)

        let other = LedgerFixture()
        other.options = fixture.options
        let otherLedger = try other.open()
        for number in 0..<6 { try other.append([[UInt8(number)]], to: otherLedger) }
        let mixed = try fixture.copy()
        try mixed.write(other.bytes(of: names[1]), to: names[1])
        #expect(throws: StoreError(.foreignDatabase, "")) { try mixed.open() }

        let later = try fixture.copy()
        var bytes = try later.bytes(of: names[0])
        bytes[8] = 2
        try later.write(bytes, to: names[0])
        let version = #expect(throws: StoreError.self) { try later.open() }
        #expect(version?.code == .incompatibleFormat)
        #expect(version?.message.contains("format version 2") == true)
    }

    @Test("takes holes in a ledger that is synchronized at intervals for a torn tail")
    func holes() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        try fixture.append([[1]], to: ledger)
        // Three frames without a sync. A power failure loses only the middle one.
        for number in 0..<3 { try fixture.appendUnsynchronized([[UInt8(number)]], to: ledger) }
        let name = try #require(try fixture.segmentNames.first)
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[2].offset)] ^= 1
        try fixture.write(bytes, to: name)
        #expect(try fixture.open().size == TreeSize(2))
    }

    @Test("does not bring a frame after a hole back when the hole is filled")
    func frameBehindHole() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        try fixture.append([[1]], to: ledger)
        // A power failure loses the first of two frames, and keeps the second.
        for number in 2...3 { try fixture.appendUnsynchronized([[UInt8(number)]], to: ledger) }
        let name = try #require(try fixture.segmentNames.first)
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[1].offset)] ^= 1
        try fixture.write(bytes, to: name)

        let reopened = try fixture.open()
        #expect(reopened.size == TreeSize(1))
        fixture.removeEntries(from: 1)
        // As long as the lost frame, so that it ends where the kept one began.
        try fixture.append([[4]], to: reopened)
        let again = try fixture.open()
        #expect(again.size == TreeSize(2))
        #expect(again.root == fixture.tree.root)
    }

    @Test("refuses damage before synchronized frames, however many frames are between them")
    func distantWitness() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        for number in 0..<50 { try fixture.appendUnsynchronized([[UInt8(number)]], to: ledger) }
        try ledger.synchronize()
        try fixture.append([[50]], to: ledger)
        let name = try #require(try fixture.segmentNames.first)
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[1].offset)] ^= 1
        try fixture.write(bytes, to: name)
        #expect(throws: StoreError(.corruption, "")) { try fixture.open() }
    }

    @Test("cuts a torn value full of bytes that look like frames, and fast")
    func frameLikeValue() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        try fixture.append([[1]], to: ledger)
        try fixture.append([[2]], to: ledger)
        let name = try #require(try fixture.segmentNames.first)
        let copyOfFrames = Array(try fixture.bytes(of: name).prefix(2000))
        let magic: [UInt8] = [1, 0x46, 0x52, 0x4D]
        let value = copyOfFrames + (0..<100_000).flatMap { _ in magic }
        try fixture.append([value], to: ledger)
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[2].offset) + 20] ^= 1
        try fixture.write(bytes, to: name)
        let clock = ContinuousClock()
        let start = clock.now
        #expect(try fixture.open().size == TreeSize(2))
        // If the file were read again for each of the 100,000 entries, this would take minutes.
        #expect(clock.now - start < .seconds(60))
    }

    private func ledgerEnd(_ fixture: LedgerFixture) throws -> Int {
        let name = try #require(try fixture.segmentNames.first)
        let bytes = try fixture.bytes(of: name)
        return (bytes.lastIndex { $0 != 0 } ?? 0) + 1
    }
}
