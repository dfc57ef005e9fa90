import ClientKit
import ImmudbClient

/// Prints the entries of a walk as they come, up to a number of them.
struct ListPrinter {
    private static let chunkCount = 256
    private static let chunkByteCount = 1 << 20

    private let output: Output
    private var left: UInt64
    private var reports: [EntryReport] = []
    private var byteCount = 0

    /// Whether as many entries as may be printed have been added.
    var isFull: Bool { left == 0 }

    /// - Parameter most: the most entries that are printed.
    init(to output: Output, most: UInt64 = .max) {
        self.output = output
        left = most
    }

    /// Adds an entry, unless as many as may be printed were added before.
    mutating func add(_ entry: Entry, score: Double? = nil) throws {
        guard left > 0 else { return }
        left -= 1
        reports.append(EntryReport(entry: entry, score: score))
        byteCount += entry.value.count
        if reports.count == Self.chunkCount || byteCount > Self.chunkByteCount { try flush() }
    }

    /// Prints what was added. To be called after the last entry.
    mutating func flush() throws {
        try output.write(list: reports)
        (reports, byteCount) = ([], 0)
    }
}
