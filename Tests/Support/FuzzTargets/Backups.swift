import ImmudbBackup
import ImmudbStore
import SimulatedDisk
import StorageIO

/// A backup is refused with the reason, or every entry of it is restored.
///
/// The first byte says whether the checksums are made right before: otherwise hardly any input gets behind them.
func fuzzBackups(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let isSealed = input.byte() & 1 == 1
    let backup = isSealed ? sealed(input.all()) : input.all()
    try requireSameHead(backup)
    let disk = SimulatedDisk()
    var options = Database.Options()
    options.fileSystem = disk
    options.segmentByteCount = 8192
    let restore = DatabaseRestore(in: "/db", options: options)
    do throws(StoreError) {
        var offset = 0
        var reader = try BackupReader("backup") { buffer throws(StoreError) in
            let count = min(buffer.count, backup.count - offset)
            buffer.copyBytes(from: backup[offset..<offset + count])
            offset += count
            return count
        }
        try restore.add(&reader)
        let tree = try restore.finish()
        let database = try Database.open(at: "/db", options: options)
        let found = database.snapshot.trustedRoot
        try database.close()
        if found != tree {
            throw StoreError(.io, "the \(tree) was restored, and the \(found) is read")
        }
    } catch {
        let known: [StoreError.Code] = [
            .corruption, .tampered, .incompatibleFormat, .otherHistory, .foreignDatabase,
        ]
        try require(known.contains(error.code) && !error.message.isEmpty, "\(error.code): \(error)")
    }
}

/// A head or a trailer that is taken is the same when it is written again.
private func requireSameHead(_ backup: [UInt8]) throws {
    for end in [backup.count, min(backup.count, 100), min(backup.count, 106)] {
        let bytes = Array(backup[..<end])
        if let head = try? BackupHead(bytes) {
            try require(head.bytes == bytes, "a head changes when it is written")
        }
    }
    guard backup.count >= 32, let identity = DatabaseIdentity(backup[16..<32]) else { return }
    let end = Array(backup.suffix(BackupTrailer.byteCount))
    if let trailer = BackupTrailer(end, identity) {
        try require(trailer.bytes(identity) == end, "a trailer changes when it is written")
    }
}

/// Makes the checksums right of a head and of the chunks behind it, as far as they can be told.
private func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    func number(at offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
    guard bytes.count >= 100 else { return bytes }
    let identity = Array(bytes[16..<32])
    func seal(_ part: Range<Int>, at offset: Int, with identity: [UInt8]) {
        var crc = CRC32C()
        for piece in [identity, Array(bytes[part])] { piece.withUnsafeBytes { crc.update($0) } }
        for place in 0..<4 {
            bytes[offset + place] = UInt8(truncatingIfNeeded: crc.value >> (8 * place))
        }
    }
    var start = 96 + number(at: 12) % 256
    guard start + 4 <= bytes.count else { return bytes }
    seal(0..<start, at: start, with: identity)
    start += 4
    while start + 100 <= bytes.count {
        if bytes[start + 1] == UInt8(ascii: "E") {
            seal(start..<start + 96, at: start + 96, with: identity)
            break
        }
        let end = start + 40 + number(at: start + 8)
        guard end <= bytes.count else { break }
        seal(start + 40..<end, at: start + 32, with: [])
        seal(start..<start + 36, at: start + 36, with: identity)
        start = end
    }
    return bytes
}
