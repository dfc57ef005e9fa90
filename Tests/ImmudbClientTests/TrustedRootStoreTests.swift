import Foundation
import ImmudbClient
import LyingServer
import MerkleTree
import TestTools
import Testing

@Suite("Trusted roots in files")
struct TrustedRootStoreTests {
    private static let identity = ServerIdentity("dc1jror8di1986gclkv0")
    private let server: ServerIdentity
    private let folder: TemporaryFolder

    init() throws {
        server = try #require(Self.identity)
        folder = TemporaryFolder()
    }

    private var file: String { folder.path + "/.root-dc1jror8di1986gclkv0" }

    private func bytes() throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    }

    private func write(_ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file))
    }

    @Test("have the bytes of immudb's other clients, and are read again")
    func vectors() async throws {
        let cases = try RootFileVector.all()
        #expect(cases.count >= 3)
        for vector in cases {
            try? FileManager.default.removeItem(atPath: file)
            let root = try TrustedRoot(lastIndex: vector.index, rootBytes: vector.root)
            let store = FileTrustedRootStore(directory: folder.path)
            let established = try await store.establish(root, of: server)
            #expect(established == root)
            // For an empty server the other clients leave a file without bytes, as a power failure
            // may. This client writes index 0.
            #expect(try bytes() == (root.size.isEmpty ? [0x08, 0x00] : vector.file))
            let again = try await FileTrustedRootStore(directory: folder.path).trustedRoot(
                of: server)
            // Nothing is trusted yet of a server that was empty.
            #expect(again == (root.size.isEmpty ? nil : root))
        }
    }

    @Test("are those of each server, also if many ask for several servers at the same time")
    func concurrentReads() async throws {
        let store = FileTrustedRootStore(directory: folder.path)
        let other = try #require(ServerIdentity("dc1jror8di1986gclkvg"))
        let roots = [server: TestLedger(count: 3).root, other: TestLedger(count: 5).root]
        for (server, root) in roots { try await store.establish(root, of: server) }
        try await withThrowingTaskGroup(of: (ServerIdentity, TrustedRoot?).self) { group in
            for number in 0..<200 {
                let asked = number.isMultiple(of: 3) ? server : other
                group.addTask { (asked, try await store.trustedRoot(of: asked)) }
            }
            for try await (asked, root) in group { #expect(root == roots[asked]) }
        }
        // Whoever asks after a root was removed finds none.
        try FileManager.default.removeItem(atPath: file)
        #expect(try await store.trustedRoot(of: server) == nil)
        #expect(try await store.trustedRoot(of: other) == roots[other])
    }

    @Test("are at first contact without a file, and then keep the first established root")
    func missingFile() async throws {
        let store = FileTrustedRootStore(directory: folder.path)
        let none = try await store.trustedRoot(of: server)
        #expect(none == nil)
        let first = TestLedger(count: 3).root
        let second = TestLedger(count: 5).root
        let established = try await store.establish(first, of: server)
        #expect(established == first)
        let later = try await store.establish(second, of: server)
        #expect(later == first)
    }

    @Test(
        "are refused by file name if the file is not a root, which stays, with advice",
        arguments: [
            [], [0x08], [0x12, 0x20], [0x08, 0x07], Array("not a root".utf8),
            [0x12, 0x1f] + [UInt8](repeating: 1, count: 31),
            [0x12, 0x21] + [UInt8](repeating: 1, count: 33),
            [UInt8](repeating: 0, count: 300),
        ])
    func corruptFile(content: [UInt8]) async throws {
        try write(content)
        let store = FileTrustedRootStore(directory: folder.path)
        let error = await #expect(throws: ClientError.self) {
            try await store.trustedRoot(of: server)
        }
        #expect(error?.code == .trustedRootUnusable)
        #expect(error?.message.contains(file) == true)
        #expect(error?.message.contains("remove it") == true)
        for isFirst in [true, false] {
            await #expect(throws: ClientError(.trustedRootUnusable, "")) {
                let root = TestLedger(count: 2).root
                _ =
                    isFirst
                    ? try await store.establish(root, of: server)
                    : try await store.advance(from: .empty, to: root, of: server)
            }
        }
        #expect(try bytes() == content)
    }

    @Test("are stored in directories that are created for their owner, or fail if they cannot be")
    func missingDirectory() async throws {
        let store = FileTrustedRootStore(directory: folder.path + "/new/roots")
        let root = TestLedger(count: 2).root
        #expect(try await store.trustedRoot(of: server) == nil)
        #expect(try await store.establish(root, of: server) == root)
        #expect(try await store.trustedRoot(of: server) == root)
        for name in ["new", "new/roots"] {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: "\(folder.path)/\(name)")
            #expect(attributes[.posixPermissions] as? Int == 0o700)
        }
        try write([1])
        let impossible = FileTrustedRootStore(directory: file + "/roots")
        await #expect(throws: ClientError(.trustedRootUnusable, "")) {
            try await impossible.establish(root, of: server)
        }
    }

    @Test("move only from the stated root, never back, and have one root for each tree")
    func onlyForward() async throws {
        let ledger = TestLedger(count: 9)
        func root(_ size: UInt64) -> TrustedRoot { ledger.root(of: TreeSize(size)) }
        for store in [
            FileTrustedRootStore(directory: folder.path) as any TrustedRootStore,
            InMemoryTrustedRootStore(),
        ] {
            try await store.establish(root(4), of: server)
            let moved = try await store.advance(from: root(4), to: root(7), of: server)
            #expect(moved == root(7))
            let again = try await store.advance(from: root(4), to: root(8), of: server)
            #expect(again == root(7), "somebody else has moved it: 8 may be another history")
            let back = try await store.advance(from: root(7), to: root(5), of: server)
            #expect(back == root(7))
            let other = TestLedger(count: 7, salt: "!").root
            for base in [root(4), root(7)] {
                await #expect(throws: VerificationError(.consistencyFailed, "")) {
                    try await store.advance(from: base, to: other, of: server)
                }
            }
            let stored = try await store.trustedRoot(of: server)
            #expect(stored == root(7))
        }
    }

    @Test("end at the largest tree if two stores share a file and move it at the same time")
    func twoStores() async throws {
        let ledger = TestLedger(count: 60)
        let stores = [
            FileTrustedRootStore(directory: folder.path),
            FileTrustedRootStore(directory: folder.path),
        ]
        let watcher = FileTrustedRootStore(directory: folder.path)
        try await stores[0].establish(ledger.root(of: TreeSize(1)), of: server)
        let server = server
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in UInt64(2)...60 {
                // The sizes come out of order, and from different stores.
                let size = TreeSize(number % 2 == 0 ? number : 61 - number)
                let store = stores[Int(number / 2 % 2)]
                group.addTask {
                    let goal = ledger.root(of: size)
                    var trusted = try #require(await store.trustedRoot(of: server))
                    while trusted.size < size {
                        trusted = try await store.advance(from: trusted, to: goal, of: server)
                    }
                }
            }
            group.addTask {
                var last = TreeSize(0)
                for _ in 0..<200 {
                    let root = try #require(await watcher.trustedRoot(of: server))
                    #expect(root.size >= last)
                    last = root.size
                }
            }
            try await group.waitForAll()
        }
        let stored = try await watcher.trustedRoot(of: server)
        #expect(stored == ledger.root)
    }

    @Test("are read again if anybody has moved, replaced, overwritten or removed the file since")
    func changedFile() async throws {
        let ledger = TestLedger(count: 9)
        func root(_ size: UInt64) -> TrustedRoot { ledger.root(of: TreeSize(size)) }
        let store = FileTrustedRootStore(directory: folder.path)
        let other = FileTrustedRootStore(directory: folder.path)
        try await store.establish(root(3), of: server)
        for size: UInt64 in 4...9 {
            // Read before, so that it is in memory, by the one that wrote it and by the other one.
            #expect(try await store.trustedRoot(of: server) == root(size - 1))
            #expect(try await other.trustedRoot(of: server) == root(size - 1))
            let mover = size.isMultiple(of: 2) ? other : store
            try await mover.advance(from: root(size - 1), to: root(size), of: server)
            #expect(try await store.trustedRoot(of: server) == root(size))
            #expect(try await other.trustedRoot(of: server) == root(size))
        }
        let content = try bytes()
        // A file of the same length, as a tool that replaces files puts it there.
        var older = content
        older[older.count - 1] ^= 1
        try Data(older).write(to: URL(fileURLWithPath: file), options: .atomic)
        #expect(try await store.trustedRoot(of: server) != root(9))
        // In place, after a pause that is longer than the kernel's clock takes for a tick.
        try await Task.sleep(for: .milliseconds(50))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try handle.write(contentsOf: Data(content))
        try handle.close()
        #expect(try await store.trustedRoot(of: server) == root(9))
        try FileManager.default.moveItem(atPath: file, toPath: file + ".away")
        #expect(try await store.trustedRoot(of: server) == nil)
        try FileManager.default.moveItem(atPath: file + ".away", toPath: file)
        #expect(try await store.trustedRoot(of: server) == root(9))
        try write([])
        await #expect(throws: ClientError(.trustedRootUnusable, "")) {
            try await store.trustedRoot(of: server)
        }
    }

    @Test("are those of a folder that has replaced another one")
    func replacedFolder() async throws {
        let store = FileTrustedRootStore(directory: folder.path + "/roots")
        let root = TestLedger(count: 3).root
        try await store.establish(root, of: server)
        #expect(try await store.trustedRoot(of: server) == root)
        try FileManager.default.moveItem(
            atPath: folder.path + "/roots", toPath: folder.path + "/old")
        #expect(try await store.trustedRoot(of: server) == nil)
        try await store.establish(TestLedger(count: 2).root, of: server)
        #expect(try await store.trustedRoot(of: server) == TestLedger(count: 2).root)
    }

    @Test("fail after a while if another process keeps the lock")
    func heldLock() async throws {
        let store = FileTrustedRootStore(directory: folder.path, lockTimeoutMilliseconds: 50)
        let descriptor = open(file + ".lock", O_RDWR | O_CREAT, 0o644)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX) == 0)
        await #expect(throws: ClientError(.trustedRootUnusable, "")) {
            try await store.establish(.empty, of: server)
        }
    }

    @Test(
        "have no identity that could lead to another file",
        arguments: ["", "../x", "a/b", "a\0", "ä", String(repeating: "a", count: 65)])
    func identities(text: String) {
        #expect(ServerIdentity(text) == nil)
    }
}

/// One of the root files in the vectors.
struct RootFileVector: Decodable {
    private var indexText: String
    private var rootText: String
    private var fileText: String

    enum CodingKeys: String, CodingKey {
        case indexText = "index"
        case rootText = "root"
        case fileText = "file_hex"
    }

    private struct Vectors: Decodable {
        var rootFiles: [RootFileVector]

        enum CodingKeys: String, CodingKey {
            case rootFiles = "root_cache_file"
        }
    }

    static func all() throws -> [RootFileVector] {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("MerkleTreeTests/vectors.json")
        return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: url)).rootFiles
    }

    var index: UInt64 { UInt64(indexText) ?? .max }
    var root: [UInt8] { Self.bytes(ofHex: rootText) }
    var file: [UInt8] { Self.bytes(ofHex: fileText) }

    private static func bytes(ofHex text: String) -> [UInt8] {
        let digits = text.compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
