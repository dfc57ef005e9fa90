import ClientKit
import ImmudbClient

/// Prints the entries of a walk as they arrive, up to a limit.
struct ListPrinter {
    private static let chunkCount = 256
    private static let chunkByteCount = 1 << 20

    private let output: Output
    private var left: UInt64
    private var reports: [EntryReport] = []
    private var byteCount = 0

    /// Whether the limit is reached.
    var isFull: Bool { left == 0 }

    /// - Parameter most: the most entries to be printed.
    init(to output: Output, most: UInt64 = .max) {
        self.output = output
        left = most
    }

    /// Adds an entry, unless the limit is reached.
    mutating func add(_ entry: Entry, score: Double? = nil) throws {
        guard left > 0 else { return }
        left -= 1
        reports.append(EntryReport(entry: entry, score: score))
        byteCount += entry.value.count
        if reports.count == Self.chunkCount || byteCount > Self.chunkByteCount { try flush() }
    }

    /// Prints the added entries. Call it after the last entry.
    mutating func flush() throws {
        try output.write(list: reports)
        (reports, byteCount) = ([], 0)
    }
}
