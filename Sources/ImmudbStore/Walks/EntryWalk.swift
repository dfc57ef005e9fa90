public import StorageIO

/// A walk in progress: some of its pages are read, and it knows where to continue.
///
/// A page takes some milliseconds and about a mebibyte, or one entry if that is larger. Between two pages the caller
/// can check whether the client still waits, yield the thread to others, and pass entries on.
public protocol EntryWalk: Sendable {
    /// Whether all entries were read, or the room of the walk is full.
    var isAtEnd: Bool { get }

    /// Returns the next entries; there may be none although the walk has not ended.
    /// - Throws: as ``Snapshot`` documents; the walk must not be continued then.
    mutating func nextPage() throws(StoreError) -> [Entry]
}

/// A walk whose pages can be collected without copying their entries.
protocol CollectableWalk: EntryWalk {
    /// Adds the next page's entries.
    mutating func read(into page: inout EntryPage) throws(StoreError)
}

extension CollectableWalk {
    mutating func onePage() throws(StoreError) -> [Entry] {
        var page = EntryPage()
        try read(into: &page)
        return page.entries
    }

    /// Reads everything that is left.
    mutating func all() throws(StoreError) -> [Entry] {
        var page = EntryPage()
        while !isAtEnd {
            page.begin()
            try read(into: &page)
        }
        return page.entries
    }
}

/// The entries of a page, or of all pages so far, and whether the page has room for another one.
struct EntryPage {
    /// The most entries that are read for a page, whether or not they are added to it.
    static let entryCount = 256
    private static let byteCount = 1 << 20

    private(set) var entries: [Entry] = []
    private var readCount = 0
    private var readByteCount = 0

    var hasRoom: Bool { readCount < Self.entryCount && readByteCount < Self.byteCount }

    /// Begins a page after those that were read.
    mutating func begin() {
        readCount = 0
        readByteCount = 0
    }

    /// Counts an entry that was read; nil if it turned out to be missing.
    mutating func note(read entry: Entry?) {
        readCount += 1
        if let entry { readByteCount += entry.key.count + entry.value.count }
    }

    mutating func append(_ entry: Entry) { entries.append(entry) }
}
