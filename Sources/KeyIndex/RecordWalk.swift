import StorageIO

/// A walk over the records with a prefix, in the order of their keys or in reverse, page by page.
///
/// Between pages it is only the key to continue from: it holds no file and no memory of RocksDB, so that the database
/// can be closed, and merged files removed, however long the walk takes.
struct RecordWalk: Sendable {
    /// The most records of one page: some milliseconds.
    static let recordsPerPage = 4096

    /// The prefix of the keys of all records.
    let prefix: [UInt8]
    private let isReverse: Bool
    /// The rest of the records begins here or, in reverse, ends before this.
    private var bound: [UInt8]
    private(set) var isAtEnd = false

    /// - Parameter offset: the record after which to begin, in the direction of the walk. It need not exist, nor have
    ///   the prefix.
    init(prefix: [UInt8], after offset: [UInt8]?, reverse: Bool) {
        self.prefix = prefix
        isReverse = reverse
        bound = reverse ? IndexRecord.end(ofPrefix: prefix) : prefix
        if let offset {
            let start = reverse ? offset : Self.next(after: offset)
            if start.lexicographicallyPrecedes(bound) == reverse { bound = start }
        }
    }

    /// Passes the next records to `body`, until it returns false or a page is full.
    ///
    /// - Parameter body: called with the record's key and value; returns whether it accepts more.
    mutating func goOn(
        in database: RocksDatabase, keepsBlocks: Bool = true,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StoreError) -> Bool
    ) throws(StoreError) {
        guard !isAtEnd else { return }
        let cursor = try RecordCursor(database, keepsBlocks: keepsBlocks)
        if isReverse { try cursor.seek(before: bound) } else { cursor.seek(to: bound) }
        var count = 0
        while let record = try cursor.current(), record.key.starts(with: prefix) {
            count += 1
            let wantsMore = try body(record.key, record.value)
            if !wantsMore || count == Self.recordsPerPage {
                let key = Array(record.key)
                bound = isReverse ? key : Self.next(after: key)
                return
            }
            if isReverse { cursor.previous() } else { cursor.next() }
        }
        isAtEnd = true
    }

    /// Returns the next key in byte order.
    private static func next(after key: [UInt8]) -> [UInt8] { key + [0] }
}
