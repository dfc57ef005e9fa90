import ImmudbStore
import Ledger
import MerkleTree
import SimulatedDisk
import StorageIO

/// Takes arbitrary bytes as the files of a ledger. Opening refuses them, or recovers entries that
/// can then be read, added to, and recovered again unchanged.
func fuzzLedger(_ bytes: [UInt8]) throws {
    let disk = try ForgedSegments(bytes).disk(folder: "/ledger")
    guard let found = try refusedOrRecovered({ try useLedger(on: disk) }) else { return }
    let again = try openLedger(disk)
    try require(
        again.size == TreeSize(found.rawValue + 1), "\(found) entries, then \(again.size)")
    try again.close()
}

/// Returns nil if the store refuses, which must have a reason.
private func refusedOrRecovered<Found>(_ body: () throws -> Found) throws -> Found? {
    do {
        return try body()
    } catch let error as StoreError {
        try require(!error.message.isEmpty, "an error without a message")
        return nil
    }
}

/// - Returns: the number of recovered entries. Afterwards there is one more.
private func useLedger(on disk: SimulatedDisk) throws -> TreeSize {
    let ledger = try openLedger(disk)
    let size = ledger.size
    try readAll(ledger)
    try append(to: ledger)
    try ledger.close()
    return size
}

private func openLedger(_ disk: SimulatedDisk) throws(StoreError) -> Ledger {
    var options = Ledger.Options()
    options.segmentByteCount = 4096
    return try Ledger(directory: "/ledger", fileSystem: disk, options: options)
}

/// Checks that each located entry can be read. Opening does not read segments before the newest, so
/// their entries may be refused. (`fuzzRecovery` also reads whole frames.)
private func readAll(_ ledger: Ledger) throws {
    for number in 0..<min(32, ledger.size.rawValue) {
        let index = EntryIndex(number)
        guard let position = try? ledger.locate(index) else { continue }
        let byteCount = try ledger.recordByteCount(index, at: position)
        let entry = try ledger.readEntry(index, at: position)
        let again = try ledger.readEntry(index, at: position, byteCount: byteCount)
        try require(again == entry, "entry \(index) is read in two ways")
    }
    _ = try? ledger.locate(EntryIndex(.max))
    _ = try? ledger.readEntry(EntryIndex(0), at: EntryPosition(segment: 0, offset: 0))
}

private func append(to ledger: Ledger) throws(StoreError) {
    let count = FrameBuffer.payloadByteCount(keyAndValueByteCount: 2, entryCount: 1)
    let position = try ledger.prepareFrame(payloadByteCount: count)
    let frame = FrameBuffer()
    frame.begin(
        firstIndex: EntryIndex(ledger.size.rawValue), at: position, payloadByteCount: count)
    let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { byte.deallocate() }
    byte[0] = 7
    _ = frame.add(
        kind: 0, key: UnsafeRawBufferPointer(byte), value: UnsafeRawBufferPointer(byte),
        isEndOfBatch: true)
    frame.end(root: ledger.root)
    try ledger.append(frame)
    try ledger.synchronize()
}

/// Takes the same files for a whole database: views are built from any entries that the frames
/// have.
func fuzzRecovery(_ bytes: [UInt8]) throws {
    let disk = try ForgedSegments(bytes).disk(folder: "/db/ledger")
    guard let found = try refusedOrRecovered({ try useDatabase(on: disk) }) else { return }
    let again = try useDatabase(on: disk)
    try require(
        again.size == found.size && again.root == found.root,
        "\(found) was recovered, then \(again)")
}

private func useDatabase(on disk: SimulatedDisk) throws -> (size: TreeSize, root: Digest) {
    var options = Database.Options()
    options.fileSystem = disk
    options.indexCacheByteCount = 1 << 20
    let database = try Database.open(at: "/db", options: options)
    let snapshot = database.snapshot
    readAll(database)
    try database.close()
    return (snapshot.size, snapshot.root)
}

private func readAll(_ database: Database) {
    let snapshot = database.snapshot
    for index in 0..<min(16, snapshot.size.rawValue) {
        guard let entry = try? snapshot.entry(at: EntryIndex(index)) else { continue }
        _ = try? snapshot.get(entry.key)
        _ = try? snapshot.provenGet(entry.key, since: TreeSize(0))
        _ = try? snapshot.history(of: entry.key, byteLimit: 1 << 20)
        for isReverse in [false, true] {
            _ = try? snapshot.members(
                of: entry.key, after: [], limit: 10, reverse: isReverse, byteLimit: 1 << 20)
            _ = try? snapshot.scan(
                prefix: Array(entry.key.prefix(1)), after: [], limit: 10, reverse: isReverse,
                deep: isReverse, byteLimit: 1 << 20)
        }
    }
}

/// Makes segment files from the bytes of an input. A fuzzer does not find checksums, so the frames
/// get valid ones, unless the input asks for others. `docs/format.md` has the places of the fields.
private struct ForgedSegments {
    private static let identity = [UInt8](repeating: 0x5a, count: 16)
    private static let headByteCount = 128
    private static let frameHeadByteCount = 48
    private static let recordHeadByteCount = 16
    private static let digestByteCount = 32

    private var segments: [[UInt8]] = []
    private var tree = MerkleAccumulator()
    private var input: FuzzInput

    init(_ bytes: [UInt8]) {
        input = FuzzInput(bytes)
        let flags = input.byte()
        if flags & 3 == 3 {  // as they are
            segments = [input.all()]
            return
        }
        var count = 0
        repeat {
            let head = head(number: UInt32(count), isTrue: flags & 4 == 0)
            segments.append(head + (flags & 3 == 2 ? input.bytes(200) : frames(UInt32(count))))
            count += 1
        } while !input.isAtEnd && count < 4
    }

    func disk(folder: String) throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        try disk.createDirectory(folder)
        for (number, bytes) in segments.enumerated() {
            let digits = String(number)
            let name = String(repeating: "0", count: 10 - digits.count) + digits + ".segment"
            disk.replace("\(folder)/\(name)", with: bytes)
        }
        return disk
    }

    private mutating func head(number: UInt32, isTrue: Bool) -> [UInt8] {
        var head = [UInt8](repeating: 0, count: Self.headByteCount)
        head.put(0x3147_444C_554D_4D49 as UInt64, at: 0)
        head.put(1 as UInt32, at: 8)
        head.replaceSubrange(16..<32, with: Self.identity)
        head.put(number, at: 32)
        head.put(tree.size.rawValue, at: 40)
        head.replaceSubrange(48..<80, with: tree.root.bytes)
        if !isTrue { head[Int(input.byte() % 124)] = input.byte() }
        head.put(checksum(Array(head[..<124])), at: 124)
        return head
    }

    /// Makes frames until the input ends the segment.
    private mutating func frames(_ segment: UInt32) -> [UInt8] {
        var file: [UInt8] = []
        while !input.isAtEnd {
            let flags = input.byte()
            if flags & 0xc0 == 0xc0 { break }
            if flags & 0xc0 == 0x80 {  // torn, or zeros
                file += flags & 1 == 0 ? input.chunk() : [UInt8](repeating: 0, count: 100)
                continue
            }
            let offset = Self.headByteCount + file.count
            file += frame(flags, segment, offset)
        }
        return file
    }

    private mutating func frame(_ flags: UInt8, _ segment: UInt32, _ offset: Int) -> [UInt8] {
        var payload: [UInt8] = []
        var count: UInt32 = 0
        let first = tree.size.rawValue
        let isEnd = flags & 7 == 7
        for _ in 0..<(isEnd ? 0 : 1 + flags & 3) {
            payload += record(EntryIndex(first + UInt64(count)))
            count += 1
        }
        var root = tree.root
        if flags & 8 != 0, let other = Digest([UInt8](repeating: input.byte(), count: 32)) {
            root = other
        }
        payload += root.bytes
        if flags & 16 != 0 { payload.removeLast(min(payload.count, Int(input.byte()))) }
        var head = [UInt8](repeating: 0, count: Self.frameHeadByteCount)
        head.put(0x4D52_4601 as UInt32, at: 0)
        head[4] = isEnd ? 2 : 1
        head.put(UInt32(payload.count), at: 8)
        head.put(count, at: 12)
        head.put(first, at: 16)
        head.put(UInt32(offset), at: 32)
        if flags & 32 != 0 { head[Int(input.byte()) % 40] = input.byte() }
        let place = Self.identity + littleEndian(UInt64(segment) << 32 | UInt64(offset))
        head.put(checksum(place + payload), at: 40)
        head.put(checksum(place + head[..<44]), at: 44)
        return head + payload
    }

    private mutating func record(_ index: EntryIndex) -> [UInt8] {
        let flags = input.byte()
        let key = input.chunk()
        let value = input.chunk()
        var record = [UInt8](repeating: 0, count: Self.recordHeadByteCount)
        record[0] = flags & 0x0f
        record[1] = flags >> 4
        record.put(UInt32(key.count), at: 4)
        record.put(UInt32(value.count), at: 8)
        if flags & 0x80 != 0 { record[Int(input.byte()) % 12] = input.byte() }
        record += key + value
        record.put(checksum(littleEndian(index.rawValue) + record[..<12] + record[16...]), at: 12)
        tree.append(.leaf(index: index, key: key, value: value))
        return record
    }
}

private func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes(CRC32C.checksum) }

private func littleEndian(_ number: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 8)
    bytes.put(number, at: 0)
    return bytes
}

extension [UInt8] {
    /// Writes a little-endian number.
    fileprivate mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        for place in 0..<MemoryLayout<Number>.size {
            self[offset + place] = UInt8(truncatingIfNeeded: number >> Number(8 * place))
        }
    }
}
