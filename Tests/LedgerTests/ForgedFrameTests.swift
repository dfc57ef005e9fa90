import MerkleTree
import OwnThread
import StorageIO
import Testing

@testable import Ledger

/// Files with valid checksums whose content is not what this version writes.
@Suite(.ownThread)
struct ForgedFrameTests {
    @Test(
        "refuses a frame of a later version's type by name, wherever it is, and cuts nothing")
    func unknownType() throws {
        for place in 0..<2 {
            let fixture = LedgerFixture()
            let ledger = try fixture.open()
            for value in 0..<2 { try fixture.append([[UInt8(value)]], to: ledger) }
            let name = try #require(try fixture.segmentNames.first)
            let frameOffset = Int(fixture.positions[place].offset) - FrameHeader.byteCount
            var bytes = try fixture.bytes(of: name)
            bytes[frameOffset + FrameHeader.typeOffset] = 9
            seal(&bytes, ledger.identity, frameOffset)
            try fixture.write(bytes, to: name)
            let error = #expect(throws: StoreError.self) { try fixture.open() }
            #expect(error?.code == .incompatibleFormat)
            #expect(error?.message.contains("byte \(frameOffset): a frame of type 9") == true)
            #expect(try fixture.bytes(of: name) == bytes)
        }
    }

    @Test("takes an end frame with an entry, and a frame without one, for damage")
    func wrongCounts() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        for value in 0..<2 { try fixture.append([[UInt8(value)]], to: ledger) }
        let name = try #require(try fixture.segmentNames.first)
        let frameOffset = Int(fixture.positions[0].offset) - FrameHeader.byteCount
        for (offset, value) in [(FrameHeader.typeOffset, UInt8(2)), (FrameHeader.countOffset, 0)] {
            let changed = try fixture.copy()
            var bytes = try fixture.bytes(of: name)
            bytes[frameOffset + offset] = value
            seal(&bytes, ledger.identity, frameOffset)
            try changed.write(bytes, to: name)
            #expect(throws: StoreError(.corruption, "")) { try changed.open() }
        }
    }

    @Test("refuses frames with a hole between them")
    func hole() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        for value in 0..<2 { try fixture.append([[UInt8(value)]], to: ledger) }
        let name = try #require(try fixture.segmentNames.first)
        let frameOffset = Int(fixture.positions[1].offset) - FrameHeader.byteCount
        var bytes = try fixture.bytes(of: name)
        bytes[frameOffset + FrameHeader.firstIndexOffset] = 5
        seal(&bytes, ledger.identity, frameOffset)
        try fixture.write(bytes, to: name)
        let error = #expect(throws: StoreError.self) { try fixture.open() }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains("entry 1: the next frame begins with entry 5") == true)
    }

    @Test("does not read a record as another entry's, neither by index nor by position")
    func otherPosition() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        try fixture.append([[1], [1]], to: ledger)
        #expect(throws: StoreError(.corruption, "")) {
            try ledger.readEntry(EntryIndex(1), at: fixture.positions[0])
        }
    }

    @Test("refuses a segment under another segment's name")
    func renamedSegment() throws {
        let fixture = LedgerFixture()
        fixture.options.segmentByteCount = 300
        let ledger = try fixture.open()
        for value in 0..<6 { try fixture.append([[UInt8(value)]], to: ledger) }
        try ledger.close()
        let names = try fixture.segmentNames
        for place in names.indices {
            let changed = try fixture.copy()
            let other = (place + 1) % names.count
            try changed.write(fixture.bytes(of: names[other]), to: names[place])
            let error = #expect(throws: StoreError.self) { try changed.open() }
            #expect(error?.code == .corruption)
            #expect(error?.message.contains(names[place]) == true)
        }
    }

    @Test("refuses a batch beyond the largest frame, and accepts the next one")
    func tooLarge() throws {
        let fixture = LedgerFixture()
        let ledger = try fixture.open()
        #expect(throws: StoreError(.tooLarge, "")) {
            try ledger.prepareFrame(payloadByteCount: maximumFramePayloadByteCount + 1)
        }
        try fixture.append([[1]], to: ledger)
        #expect(ledger.size == TreeSize(1))
    }

    @Test("refuses a segment that lost its end after a crash, even if the next one is whole")
    func shortPredecessor() throws {
        let fixture = LedgerFixture()
        fixture.options.segmentByteCount = 400
        let ledger = try fixture.open()
        while try fixture.segmentNames.count < 2 { try fixture.append([[1]], to: ledger) }
        // Without a close, opening reads the segment before the newest.
        let name = try fixture.segmentNames[0]
        let last = fixture.positions.filter { $0.segment == 0 }.count - 1
        var bytes = try fixture.bytes(of: name)
        bytes[Int(fixture.positions[last].offset) + EntryHeader.byteCount] ^= 1
        try fixture.write(bytes, to: name)
        let error = #expect(throws: StoreError.self) { try fixture.open() }
        #expect(error?.code == .corruption)
        #expect(error?.message.contains("\(name), byte ") == true)
    }

    /// Corrects the checksums of a frame.
    private func seal(_ bytes: inout [UInt8], _ identity: DatabaseIdentity, _ offset: Int) {
        let address = FrameAddress(identity: identity, segment: 0, offset: offset)
        bytes.withUnsafeMutableBytes { file in
            let header = UnsafeMutableRawBufferPointer(
                rebasing: file[offset..<offset + FrameHeader.byteCount])
            let checked = UnsafeRawBufferPointer(rebasing: header[..<FrameHeader.checksumOffset])
            header.put(address.checksum(checked), at: FrameHeader.checksumOffset)
        }
    }
}
