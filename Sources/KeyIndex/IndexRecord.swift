import ImmudbModel
import MerkleTree
import StorageIO

/// The records of the index. The first byte of a record's key is its table:
///
/// ```
/// 00 00                               → magic, format version, identity
/// 00 01                               → the mark: complete size, 8 bytes big-endian
/// 01 ‖ key                            → address of the key's newest version
/// 02 ‖ [key] ‖ ~index, 8 bytes        → address of an older version
/// 03 ‖ [set] ‖ score, 8 bytes ‖ member → address of the first entry of that score and member
/// ```
///
/// [name] is the escaped name: 00 is written as `00 FF`, and `00 01` ends it, so that names of any bytes keep their
/// byte order, and none is the beginning of another. The entry index is inverted, so that newer versions come first;
/// the score is in its ordered form.
///
/// Table 01 finds the newest version by a simple look-up, and lists distinct keys in byte order. A version moves to
/// table 02 when a newer one displaces it. Table 03 needs no versions: a member is in the set from its first entry on.
enum IndexRecord {
    static let headerKey: [UInt8] = [0x00, 0x00]
    static let markKey: [UInt8] = [0x00, 0x01]
    static let newestTable: UInt8 = 0x01
    static let olderTable: UInt8 = 0x02
    static let sortedSetTable: UInt8 = 0x03
    /// The position of the key in a record of table 01.
    static let keyStart = 1

    static func size(ofMark bytes: [UInt8]) -> TreeSize? {
        guard bytes.count == 8 else { return nil }
        return TreeSize(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Appends the common prefix of all records of older versions of `key`.
    static func appendOlderPrefix(of key: some Collection<UInt8>, to record: inout [UInt8]) {
        record.append(olderTable)
        appendEscaped(key, to: &record)
    }

    static func appendInverted(_ index: EntryIndex, to record: inout [UInt8]) {
        appendBigEndian(~index.rawValue, to: &record)
    }

    /// Appends the common prefix of all records of the members of `set`.
    static func appendSetPrefix(of set: some Collection<UInt8>, to record: inout [UInt8]) {
        record.append(sortedSetTable)
        appendEscaped(set, to: &record)
    }

    /// Appends the record key of a sorted set's entry, whose key in the ledger is a `SortedSetKey`.
    ///
    /// - Returns: false if the key is too short to have a score before its member.
    static func appendSetRecord(
        ledgerKey key: [UInt8], memberLength: Int, to record: inout [UInt8]
    ) -> Bool {
        guard
            let scoreStart = SortedSetKey.scoreStart(
                keyByteCount: key.count, memberByteCount: memberLength)
        else { return false }
        appendSetPrefix(of: key[..<scoreStart], to: &record)
        appendBigEndian(orderedScore(SortedSetKey.scoreBits(in: key, at: scoreStart)), to: &record)
        record.append(contentsOf: key[(scoreStart + SortedSetKey.scoreByteCount)...])
        return true
    }

    /// Converts the bits of a score, an IEEE 754 double, to a number whose order is that of the scores. -0.0 becomes
    /// 0.0.
    ///
    /// The order of positive doubles is that of their bits, in the upper half; negative ones have the reverse order.
    static func orderedScore(_ bits: UInt64) -> UInt64 {
        let sign: UInt64 = 1 << 63
        if bits == sign { return sign }
        return bits & sign == 0 ? bits | sign : ~bits
    }

    /// Converts ordered bits back to the score, except that -0.0 has become 0.0.
    static func score(ordered: UInt64) -> Double {
        let sign: UInt64 = 1 << 63
        return Double(bitPattern: ordered & sign == 0 ? ~ordered : ordered ^ sign)
    }

    /// Returns the first bytes, in byte order, after all that begin with `prefix`.
    ///
    /// - Precondition: the prefix begins with a table, so there is an end even if all other bytes are FF.
    static func end(ofPrefix prefix: [UInt8]) -> [UInt8] {
        var end = prefix
        while end.last == 0xFF { end.removeLast() }
        end[end.count - 1] += 1
        return end
    }

    static func appendEscaped(_ name: some Collection<UInt8>, to record: inout [UInt8]) {
        for byte in name {
            record.append(byte)
            if byte == 0 { record.append(0xFF) }
        }
        record.append(0x00)
        record.append(0x01)
    }

    static func appendBigEndian(_ number: UInt64, to record: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { record.append(contentsOf: $0) }
    }
}

/// The first record: identifies the key index, its format, and its database.
struct IndexHeader {
    /// Incremented when the layout of the records changes.
    static let formatVersion: UInt8 = 1
    private static let magic = Array("immudb-index".utf8)

    let identity: DatabaseIdentity

    var encoded: [UInt8] { Self.magic + [Self.formatVersion] + identity.bytes }

    /// - Throws: code `.incompatibleFormat` or `.foreignDatabase`.
    func check(_ stored: [UInt8], path: String) throws(StoreError) {
        guard stored.starts(with: Self.magic), stored.count > Self.magic.count else {
            throw StoreError(.incompatibleFormat, "\(path) is not a key index of this software")
        }
        let version = stored[Self.magic.count]
        guard version == Self.formatVersion else {
            throw StoreError(
                .incompatibleFormat,
                "\(path) has format version \(version); this version reads \(Self.formatVersion)")
        }
        guard stored == encoded else {
            let other = DatabaseIdentity(stored.dropFirst(Self.magic.count + 1))
            throw StoreError(
                .foreignDatabase,
                "\(path) belongs to database \(other?.description ?? "unknown"), not to \(identity)"
            )
        }
    }
}
