public import StorageIO

/// A walk that is on its way: some pages of it are read, and where it goes on is known.
///
/// A page takes some milliseconds and about a mebibyte, or one entry if that is larger. Between two
/// pages the caller can look whether the client still waits, give the thread to others, and pass
/// entries on.
public protocol EntryWalk: Sendable {
    /// Whether all was met, or the room that the walk was given is full.
    var isAtEnd: Bool { get }

    /// The next entries; there may be none although the walk is not at its end.
    /// - Throws: as ``Snapshot`` says; the walk is to be given up then.
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

    /// All that is left.
    mutating func all() throws(StoreError) -> [Entry] {
        var page = EntryPage()
        while !isAtEnd {
            page.begin()
            try read(into: &page)
        }
        return page.entries
    }
}

/// The entries of a page, or of all pages so far, and whether the page may have another one.
struct EntryPage {
    /// The most entries that are read for a page, whether it has them or not.
    static let entryCount = 256
    private static let byteCount = 1 << 20

    private(set) var entries: [Entry] = []
    private var readCount = 0
    private var readByteCount = 0

    var hasRoom: Bool { readCount < Self.entryCount && readByteCount < Self.byteCount }

    /// Begins a page behind those that it has.
    mutating func begin() {
        readCount = 0
        readByteCount = 0
    }

    /// Counts what was read; nil for what turned out to be missing.
    mutating func note(read entry: Entry?) {
        readCount += 1
        if let entry { readByteCount += entry.key.count + entry.value.count }
    }

    mutating func append(_ entry: Entry) { entries.append(entry) }
}
