import MerkleTree
import StorageIO

/// Where the self-check is: kept across restarts in a small file beside the ledger, which `docs/format.md` draws.
struct CheckState: Hashable, Sendable {
    /// The most blocks that are kept to be looked at first after a restart.
    static let suspectLimit = 64

    /// Decides the order of the blocks in this round.
    var seed: UInt64
    /// Rounds that are complete.
    var roundCount: UInt64 = 0
    /// How many blocks of this round are done.
    var doneBlockCount: UInt64 = 0
    /// The size of the database when the round began: later entries are for the next one.
    var size: TreeSize
    /// When the round began, in seconds since 1970.
    var beganAt: Int64
    /// When the last round was complete; 0 if none was.
    var lastRoundEndedAt: Int64 = 0
    /// Blocks with damage, or whose tree was damaged: at most `suspectLimit`.
    var suspects: Set<UInt64> = []

    var blockCount: UInt64 { BlockCheck.count(in: size) }
    var isRoundComplete: Bool { doneBlockCount >= blockCount }
    /// The part of the round that is done, from 0 to 1.
    var progress: Double {
        blockCount == 0 ? 1 : Double(doneBlockCount) / Double(blockCount)
    }

    mutating func addSuspect(_ block: UInt64) {
        if suspects.count < Self.suspectLimit { suspects.insert(block) }
    }

    // MARK: the file

    private static let magic = Array("IMMUCHK1".utf8)
    private static let identityEnd = magic.count + DatabaseIdentity.byteCount
    private static let numberCount = 7

    func encoded(for identity: DatabaseIdentity) -> [UInt8] {
        var bytes = Self.magic + identity.bytes
        let numbers = [
            seed, roundCount, doneBlockCount, size.rawValue, UInt64(bitPattern: beganAt),
            UInt64(bitPattern: lastRoundEndedAt), UInt64(suspects.count),
        ]
        for number in numbers + suspects.sorted() { Self.append(number, to: &bytes) }
        let checksum = bytes.withUnsafeBytes { CRC32C.checksum($0) }
        withUnsafeBytes(of: checksum.littleEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// - Parameter size: the size of the database now.
    /// - Returns: nil for damaged bytes, and for those of another database or of one with more entries.
    init?(_ bytes: [UInt8], of identity: DatabaseIdentity, size now: TreeSize) {
        let fixedByteCount = Self.identityEnd + 8 * Self.numberCount
        guard bytes.count >= fixedByteCount + 4, bytes.count % 8 == (fixedByteCount + 4) % 8,
            bytes.starts(with: Self.magic),
            bytes[Self.magic.count..<Self.identityEnd].elementsEqual(identity.bytes),
            bytes.dropLast(4).withUnsafeBytes({ CRC32C.checksum($0) })
                == UInt32(truncatingIfNeeded: Self.number(bytes.suffix(4)))
        else { return nil }
        let numbers = stride(from: Self.identityEnd, to: bytes.count - 4, by: 8).map {
            Self.number(bytes[$0..<$0 + 8])
        }
        let blocks = numbers[Self.numberCount...]
        guard let size = TreeSize(rawValue: numbers[3]), size <= now,
            numbers[2] <= BlockCheck.count(in: size), numbers[6] == UInt64(blocks.count),
            blocks.count <= Self.suspectLimit,
            blocks.allSatisfy({ $0 < BlockCheck.count(in: now) })
        else { return nil }
        seed = numbers[0]
        roundCount = numbers[1]
        doneBlockCount = numbers[2]
        self.size = size
        beganAt = Int64(bitPattern: numbers[4])
        lastRoundEndedAt = Int64(bitPattern: numbers[5])
        suspects = Set(blocks)
    }

    init(seed: UInt64, size: TreeSize, beganAt: Int64) {
        self.seed = seed
        self.size = size
        self.beganAt = beganAt
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
