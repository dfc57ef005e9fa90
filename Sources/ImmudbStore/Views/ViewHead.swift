import MerkleTree
import StorageIO

/// The head of a view's file: its database, its content, and the number of valid records. See `docs/format.md`.
struct ViewHead {
    /// Records begin here; the rest of the head is unused.
    static let byteCount = 4096
    static let usedByteCount = 48
    private static let version: UInt32 = 1
    private static let witnessFlag: UInt32 = 1

    enum Kind {
        case digests, positions

        var recordByteCount: Int { self == .digests ? Digest.byteCount : 8 }

        /// "IMMUDIG1", "IMMUPLA1".
        fileprivate var magic: UInt64 {
            self == .digests ? 0x3147_4944_554D_4D49 : 0x3141_4C50_554D_4D49
        }
    }

    let kind: Kind
    let identity: DatabaseIdentity
    /// How many records are complete and durable.
    var mark: UInt64 = 0
    /// Whether a record beyond the mark shows that its entry was synchronized.
    var isWitness = false

    init(kind: Kind, identity: DatabaseIdentity) {
        self.kind = kind
        self.identity = identity
    }

    /// - Returns: nil for bytes that are not a head of this kind, database and version.
    init?(_ bytes: [UInt8], kind: Kind, identity: DatabaseIdentity) {
        guard bytes.count == Self.usedByteCount else { return nil }
        self.init(kind: kind, identity: identity)
        let fields = bytes.withUnsafeBytes { bytes in
            (
                mark: bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self).littleEndian,
                flags: bytes.loadUnaligned(fromByteOffset: 40, as: UInt32.self).littleEndian
            )
        }
        mark = fields.mark
        isWitness = fields.flags & Self.witnessFlag != 0
        // All other fields are known, so the head is valid if it equals the one that would be written.
        guard self.bytes == bytes, mark < 1 << 58 else { return nil }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func put<Number: FixedWidthInteger>(_ number: Number) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        put(kind.magic)
        put(Self.version)
        put(UInt32(kind.recordByteCount))
        bytes.append(contentsOf: identity.bytes)
        put(mark)
        put(isWitness ? Self.witnessFlag : 0)
        put(bytes.withUnsafeBytes(CRC32C.checksum))
        return bytes
    }

    /// Returns the offset of a record in the file.
    static func offset(of record: UInt64, _ recordByteCount: Int) -> UInt64 {
        UInt64(byteCount) + record * UInt64(recordByteCount)
    }
}
