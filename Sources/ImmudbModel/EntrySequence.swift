public import ImmudbVerification

/// Entries that are asked for page by page, as they are iterated over. Each iteration starts over.
///
/// What it returns is the server's word; `ImmudbClient.verify` proves an entry.
public struct EntrySequence: AsyncSequence, Sendable {
    public typealias Element = Entry

    /// The page after an entry; nil stands for the first page. Empty at the end.
    let page: @Sendable (_ last: Entry?) async throws -> [Entry]

    public func makeAsyncIterator() -> Iterator { Iterator(page: page) }

    public struct Iterator: AsyncIteratorProtocol {
        let page: @Sendable (Entry?) async throws -> [Entry]
        private var entries: ArraySlice<Entry> = []
        private var last: Entry?
        private var isAtEnd = false

        init(page: @escaping @Sendable (Entry?) async throws -> [Entry]) {
            self.page = page
        }

        /// - Throws: `ClientError` if a page does not come.
        public mutating func next() async throws -> Entry? {
            if entries.isEmpty, !isAtEnd {
                entries = try await page(last)[...]
                isAtEnd = entries.isEmpty
            }
            guard let entry = entries.popFirst() else { return nil }
            last = entry
            return entry
        }
    }
}
