package import ImmudbClient
import Terminal

/// Writes all entries of a server to a file, which is what `dump` does.
package struct DumpFile: Sendable {
    private let path: String

    /// - Parameter path: nil for one of the current folder, named by the time.
    package init(path: String?) {
        self.path = path ?? Time.localNow("immudb_%Y-%m-%d_%H-%M-%S.bkp")
    }

    /// What the helps of programs say about the file.
    package static let discussion = """
        The file gets its name when all entries are in it and on disk. Each is a pb.KV message \
        behind its length in 4 bytes, little-endian, in the order in which they were written.
        """

    /// The file gets its name once all entries are in it: a failure leaves what was there before.
    ///
    /// - Parameter connect: asked once it is known that the path can be written to.
    package func write(
        from connect: () async throws -> ImmudbClient
    ) async throws -> LineReport {
        try DraftFile.requireReplaceable(path)
        // The server first: a file that was there stays when there is nothing to write.
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
        // A dump that was interrupted is not whole.
        try Task.checkCancellation()
        try draft.complete()
        return LineReport(
            "SUCCESS: \(count) key-value entries were backed-up to file \(path)",
            json: ["entries": .number(count), "file": .text(path)])
    }
}
