/// Entries that are read page by page, as they are iterated over. Each iteration starts over.
public struct EntrySequence<Failure: Error>: AsyncSequence, Sendable {
    public typealias Element = Entry

    /// Returns the page that comes after an entry, which is nil for the first page; an empty one at the end.
    public typealias Page = @Sendable (_ last: Entry?) async throws(Failure) -> [Entry]

    private let page: Page

    package init(page: @escaping Page) { self.page = page }

    public func makeAsyncIterator() -> Iterator { Iterator(page: page) }

    public struct Iterator: AsyncIteratorProtocol {
        private let page: Page
        private var entries: ArraySlice<Entry> = []
        private var last: Entry?
        private var isAtEnd = false

        fileprivate init(page: @escaping Page) { self.page = page }

        /// - Throws: why a page cannot be read.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Failure) -> Entry? {
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
