// A backup as a stream of bytes: a head, chunks of entries, a trailer. `docs/backup-format.md` draws them. Read this file
// first; `BackupHead`, `BackupChunk` and `BackupTrailer` are the parts, `ChunkBuilder` makes chunks, `BackupReader` reads
// parts one after the other, and `BackupChain` verifies them. Nothing but `BackupFile` and `BackupFileReader` touches a
// file.

import ImmudbModel
import MerkleTree
import StorageIO

/// The limits of the format, which a reader holds every length against before it takes memory.
public enum BackupFormat {
    /// The most bytes of entries in a chunk, unless a single entry is larger.
    public static let chunkByteCount = 1 << 20
    /// The most bytes of entries in a chunk of one entry: those of the ledger's largest frame, and the time.
    public static let maximumEntriesByteCount = (1 << 30) + 8
    /// The most bytes of the database's name.
    public static let maximumNameByteCount = 255
    /// The bytes of a server's identifier.
    public static let serverIdentifierByteCount = 12

    static let magic: UInt64 = 0x314B_4142_554D_4D49  // "IMMUBAK1"
    static let version: UInt32 = 1
    static let chunkMagic: UInt32 = 0x4B48_4301  // 01 "CHK"
    static let trailerMagic: UInt32 = 0x444E_4501  // 01 "END"

    /// The CRC of a part: over the identity of the database, then the bytes, so that a part of another database's backup
    /// does not pass for one of this.
    static func checksum(_ bytes: some Collection<UInt8>, _ identity: DatabaseIdentity) -> UInt32 {
        var crc = CRC32C()
        identity.bytes.withUnsafeBytes { crc.update($0) }
        Array(bytes).withUnsafeBytes { crc.update($0) }
        return crc.value
    }
}

extension [UInt8] {
    /// Returns the little-endian number at `offset`.
    func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        withUnsafeBytes {
            Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type))
        }
    }

    /// Returns the digest at `offset`.
    func digest(at offset: Int) -> Digest {
        withUnsafeBytes { Digest(loadingFrom: $0.baseAddress! + offset) }
    }

    mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    mutating func put(_ number: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: number.littleEndian) { bytes in
            replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
    }

    mutating func append(_ digest: Digest) {
        digest.withUnsafeBytes { append(contentsOf: $0) }
    }
}

extension TrustedRoot {
    /// Makes the root that a part of a backup states.
    ///
    /// - Returns: nil for a size beyond 2^63, and for an empty tree with the root of another one.
    init?(statedSize: UInt64, root: Digest) {
        guard let size = TreeSize(rawValue: statedSize), !size.isEmpty || root == .emptyTree else {
            return nil
        }
        self.init(size: size, root: root)
    }
}
