public import ImmudbModel
import MerkleTree
public import StorageIO

/// What a backup begins with: of which database it is, and since when.
public struct BackupHead: Hashable, Sendable {
    /// The identity of the database.
    public var identity: DatabaseIdentity
    /// The identifier of the server whose database it is, 12 bytes, by which clients know their trusted roots; nil if the
    /// database has no server.
    public var serverIdentifier: [UInt8]?
    /// The name of the database.
    public var name: String
    /// The tree that the backup continues: the empty one for a full backup.
    public var start: TrustedRoot
    /// When it was begun, in microseconds since 1970.
    public var timeMicroseconds: Int64

    /// Whether it begins with the first entry.
    public var isFull: Bool { start.size.isEmpty }

    public init(
        identity: DatabaseIdentity, serverIdentifier: [UInt8]? = nil, name: String,
        start: TrustedRoot = .empty, timeMicroseconds: Int64
    ) {
        precondition(name.utf8.count <= BackupFormat.maximumNameByteCount)
        precondition(
            serverIdentifier.map { $0.count == BackupFormat.serverIdentifierByteCount } ?? true)
        self.identity = identity
        self.serverIdentifier = serverIdentifier
        self.name = name
        self.start = start
        self.timeMicroseconds = timeMicroseconds
    }

    /// The bytes before the name.
    static let fixedByteCount = 96
    static let checksumByteCount = 4
    private static let serverFlag: UInt32 = 1

    /// The bytes of the stream.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: BackupFormat.magic)
        bytes.append(number: BackupFormat.version)
        bytes.append(number: UInt32(name.utf8.count))
        bytes += identity.bytes
        bytes +=
            serverIdentifier
            ?? Array(repeating: 0, count: BackupFormat.serverIdentifierByteCount)
        bytes.append(number: serverIdentifier == nil ? 0 : Self.serverFlag)
        bytes.append(number: start.size.rawValue)
        bytes.append(start.root)
        bytes.append(number: timeMicroseconds)
        bytes += name.utf8
        bytes.append(number: BackupFormat.checksum(bytes, identity))
        return bytes
    }

    /// Returns whether the bytes are the beginning of a head, as far as a power failure has left it: what was not written
    /// is missing, or zeros.
    static func isBeginning(_ bytes: [UInt8]) -> Bool {
        var magic: [UInt8] = []
        magic.append(number: BackupFormat.magic)
        magic.append(number: BackupFormat.version)
        return bytes.allSatisfy { $0 == 0 } || zip(magic, bytes).allSatisfy { $0 == $1 }
    }

    /// Returns how many bytes follow the fixed part of a head.
    ///
    /// - Throws: `incompatibleFormat` for something else than a backup of this version; `corruption` if it is damaged.
    static func remainingByteCount(_ fixed: [UInt8]) throws(StoreError) -> Int {
        guard fixed.count == fixedByteCount,
            fixed.number(UInt64.self, at: 0) == BackupFormat.magic
        else {
            // What has the version in its place is a backup whose first bytes are damaged.
            let isBackup =
                fixed.count == fixedByteCount
                && fixed.number(UInt32.self, at: 8) == BackupFormat.version
            throw StoreError(
                isBackup ? .corruption : .incompatibleFormat,
                "byte 0: not a backup, or its head is damaged")
        }
        let version = fixed.number(UInt32.self, at: 8)
        guard version == BackupFormat.version else {
            throw StoreError(
                .incompatibleFormat,
                "byte 8: format version \(version), and this program reads version "
                    + "\(BackupFormat.version). Read it with the version that wrote it, unless the head is damaged"
            )
        }
        let nameByteCount = fixed.number(UInt32.self, at: 12)
        guard nameByteCount <= BackupFormat.maximumNameByteCount else { throw damaged }
        return Int(nameByteCount) + checksumByteCount
    }

    private static let damaged = StoreError(.corruption, "byte 0: the head is damaged")

    /// Decodes a whole head.
    ///
    /// - Throws: `corruption`, `incompatibleFormat`.
    public init(_ bytes: [UInt8]) throws(StoreError) {
        let fixed = Array(bytes.prefix(Self.fixedByteCount))
        let count = Self.fixedByteCount + (try Self.remainingByteCount(fixed))
        let end = count - Self.checksumByteCount
        let flags = fixed.number(UInt32.self, at: 44)
        guard bytes.count == count, let identity = DatabaseIdentity(bytes[16..<32]),
            BackupFormat.checksum(bytes[..<end], identity) == bytes.number(UInt32.self, at: end),
            flags == Self.serverFlag || flags == 0 && bytes[32..<44].allSatisfy({ $0 == 0 }),
            let start = TrustedRoot(
                statedSize: fixed.number(UInt64.self, at: 48), root: fixed.digest(at: 56)),
            let name = String(validating: bytes[Self.fixedByteCount..<end], as: UTF8.self)
        else { throw Self.damaged }
        self.init(
            identity: identity,
            serverIdentifier: flags == Self.serverFlag ? Array(bytes[32..<44]) : nil, name: name,
            start: start, timeMicroseconds: fixed.number(Int64.self, at: 88))
    }
}
