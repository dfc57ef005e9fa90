/// Elements that are read page by page during iteration. Each iteration starts over.
public struct PagedSequence<Element: Sendable, Failure: Error>: AsyncSequence, Sendable {
    /// Returns the page after `last`, which is nil for the first page. Returns an empty page at the end.
    public typealias Page = @Sendable (_ last: Element?) async throws(Failure) -> [Element]

    package let page: Page

    package init(page: @escaping Page) { self.page = page }

    public func makeAsyncIterator() -> Iterator { Iterator(page: page) }

    public struct Iterator: AsyncIteratorProtocol {
        private let page: Page
        private var elements: ArraySlice<Element> = []
        private var last: Element?
        private var isAtEnd = false

        fileprivate init(page: @escaping Page) { self.page = page }

        /// - Throws: the error of a page that cannot be read.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Failure) -> Element? {
            if elements.isEmpty, !isAtEnd {
                elements = try await page(last)[...]
                isAtEnd = elements.isEmpty
            }
            guard let element = elements.popFirst() else { return nil }
            last = element
            return element
        }
    }
}

/// Entries that are read page by page.
public typealias EntrySequence<Failure: Error> = PagedSequence<Entry, Failure>
