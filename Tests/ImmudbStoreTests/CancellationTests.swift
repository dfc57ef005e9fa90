import Foundation
import ImmudbStore
import OwnThread
import StorageIO
import Synchronization
import TestTools
import Testing

/// Openings that are cancelled.
@Suite(.ownThread)
struct CancellationTests {
    @Test("stops an opening that rebuilds the views, and lets the next one continue from there")
    func stopped() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        for batch in 0..<30 {
            try await database.setBatch(
                (0..<1_000).map { NewEntry(key: bytes("key \(batch)-\($0)"), value: []) })
        }
        let root = database.snapshot.root
        try database.close()
        try folder.remove("tree")
        try folder.remove("index")

        let cancellation = Cancellation()
        cancellation.cancel()
        var options = Database.Options()
        options.cancellation = cancellation
        #expect(throws: StoreError(.cancelled, "")) {
            try Database.open(at: folder.path, options: options)
        }
        // Opened without cancellation, the database is complete, and the folder was free.
        let again = try Database.open(in: folder)
        #expect(again.snapshot.root == root)
        #expect(try await again.get(bytes("key 29-999"))?.index == EntryIndex(29_999))
    }

    @Test("lets a second close wait for the first")
    func secondClose() async throws {
        let folder = TemporaryFolder()
        let database = try Database.open(in: folder)
        try await database.set(bytes("a"), [])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        Thread.detachNewThread {
                            try? database.close()
                            // The database was closed in order, so the folder can be opened at
                            // once.
                            continuation.resume()
                        }
                    }
                }
            }
        }
        #expect(try Database.open(in: folder).snapshot.size == TreeSize(1))
    }
}
