public import ImmudbModel
import MerkleTree
public import StorageIO

/// What a complete backup ends with: the trees before and after it.
public struct BackupTrailer: Hashable, Sendable {
    /// The tree that the backup continues, as in its head.
    public var start: TrustedRoot
    /// The tree after the last entry.
    public var end: TrustedRoot
    /// When the backup was complete, in microseconds since 1970.
    public var timeMicroseconds: Int64

    public init(start: TrustedRoot, end: TrustedRoot, timeMicroseconds: Int64) {
        self.start = start
        self.end = end
        self.timeMicroseconds = timeMicroseconds
    }

    public static let byteCount = 100
    private static let checksumOffset = 96

    /// Returns the bytes of the stream, for a backup of the database with this identity.
    public func bytes(_ identity: DatabaseIdentity) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: BackupFormat.trailerMagic)
        bytes.append(number: UInt32(0))
        for tree in [start, end] {
            bytes.append(number: tree.size.rawValue)
            bytes.append(tree.root)
        }
        bytes.append(number: timeMicroseconds)
        bytes.append(number: BackupFormat.checksum(bytes, identity))
        return bytes
    }

    /// Decodes a trailer.
    ///
    /// - Returns: nil if the bytes are damaged.
    public init?(_ bytes: [UInt8], _ identity: DatabaseIdentity) {
        guard bytes.count == Self.byteCount,
            bytes.number(UInt32.self, at: 0) == BackupFormat.trailerMagic,
            bytes.number(UInt32.self, at: 4) == 0,
            BackupFormat.checksum(bytes[..<Self.checksumOffset], identity)
                == bytes.number(UInt32.self, at: Self.checksumOffset),
            let start = TrustedRoot(
                statedSize: bytes.number(UInt64.self, at: 8), root: bytes.digest(at: 16)),
            let end = TrustedRoot(
                statedSize: bytes.number(UInt64.self, at: 48), root: bytes.digest(at: 56)),
            start.size <= end.size
        else { return nil }
        self.init(
            start: start, end: end, timeMicroseconds: bytes.number(Int64.self, at: 88))
    }
}
