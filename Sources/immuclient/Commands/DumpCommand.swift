import ArgumentParser
import Foundation
import ImmudbClient
import MerkleTree
import Terminal

struct DumpCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "dump", alias: "b", abstract: "Write all entries to a file.",
        discussion: """
            The file gets its name when all entries are in it and on disk. Each is a pb.KV message \
            behind its length in 4 bytes, little-endian, in the order in which they were written.
            """)

    @Argument(
        help: ArgumentHelp(
            "Path of the file (default: immudb_<date>_<time>.bkp).", valueName: "file"))
    var file: String?

    func run(in context: CommandContext) async throws {
        let path = file ?? Time.localNow("immudb_%Y-%m-%d_%H-%M-%S.bkp")
        try DraftFile.requireReplaceable(path)
        // The server first: a file that was there stays when there is nothing to write.
        let client = try await context.client
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
        bar.finish()
        try context.output.write(
            LineReport(
                "SUCCESS: \(count) key-value entries were backed-up to file \(path)",
                json: ["entries": .number(count), "file": .text(path)]))
    }
}
