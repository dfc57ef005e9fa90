/// Elements that are read page by page, as they are iterated over. Each iteration starts over.
public struct PagedSequence<Element: Sendable, Failure: Error>: AsyncSequence, Sendable {
    /// Returns the page that comes after an element, which is nil for the first page; an empty one at the end.
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

        /// - Throws: why a page cannot be read.
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
