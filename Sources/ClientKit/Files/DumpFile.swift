package import ImmudbClient
import ProgramKit
import Terminal

/// Writes all entries of a server to a file: the work of `dump`.
package struct DumpFile: Sendable {
    private let path: String

    /// - Parameter path: nil for a file in the current folder, named by the time.
    package init(path: String?) {
        self.path = path ?? localTime("immudb_%Y-%m-%d_%H-%M-%S.bkp")
    }

    /// The description of the file in the programs' help.
    package static let discussion = """
        The file gets its name when all entries are in it and on disk. Each is a pb.KV message \
        behind its length in 4 bytes, little-endian, in the order in which they were written.
        """

    /// Writes the file, which gets its name once all entries are in it: a failure leaves the previous file.
    ///
    /// - Parameter connect: called after it was checked that the path can be written to.
    package func write(
        from connect: () async throws -> ImmudbClient
    ) async throws -> LineReport {
        try DraftFile.requireReplaceable(path)
        // Asks the server first: an existing file stays if there is nothing to write.
        let client = try await connect()
        let size = try await client.currentRoot().size
        let entries = try await client.dump()
        let draft = try DraftFile(for: path)
        var count: UInt64 = 0
        var bar = ProgressBar("Dumping", total: size.rawValue)
        defer { bar.finish() }
        for try await entry in entries {
            try draft.write(entry.fileRecord())
            count += 1
            bar.update(to: count)
        }
        // An interrupted dump is incomplete.
        try Task.checkCancellation()
        try draft.complete()
        return LineReport(
            "SUCCESS: \(count) key-value entries were backed-up to file \(path)",
            json: ["entries": .number(count), "file": .text(path)])
    }
}
