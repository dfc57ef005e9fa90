public import MerkleTree
public import StorageIO

/// The entries of one snapshot in insertion order, read page by page.
///
/// Each iteration starts over, on the same snapshot. The database stays open as long as the
/// sequence is there, unless it is closed; then the iteration throws `closed`.
public struct EntrySequence: AsyncSequence, Sendable {
    public typealias Element = Entry
    public typealias Failure = StoreError

    private static let pageEntryCount = 1000
    private static let pageByteCount = 1 << 20

    let database: Database
    let snapshot: Snapshot
    let first: EntryIndex

    /// The number of entries in the snapshot, those before the first one of the sequence included.
    public var size: TreeSize { snapshot.size }

    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self, next: first) }

    public struct Iterator: AsyncIteratorProtocol {
        let sequence: EntrySequence
        /// The first entry of the next page.
        var next: EntryIndex
        private var page: [Entry] = []
        private var number = 0

        init(sequence: EntrySequence, next: EntryIndex) {
            self.sequence = sequence
            self.next = next
        }

        /// - Throws: as ``Snapshot/entries(from:limit:byteLimit:)``.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(StoreError) -> Entry? {
            if number == page.count {
                page = try await sequence.page(from: next)
                number = 0
                next = EntryIndex(next.rawValue + UInt64(page.count))
            }
            guard number < page.count else { return nil }
            defer { number += 1 }
            return page[number]
        }
    }

    private func page(from first: EntryIndex) async throws(StoreError) -> [Entry] {
        try await database.readers.run { () throws(StoreError) in
            try snapshot.entries(
                from: first, limit: Self.pageEntryCount, byteLimit: Self.pageByteCount)
        }
    }
}
