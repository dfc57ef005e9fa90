import SimulatedDisk
import StorageIO
import Testing

/// The bytes that survive a power failure, and those that survive a kill.
struct DurabilityTests {
    /// Makes a disk with a durable file `/a` of these bytes, and opens the file.
    static func disk(_ bytes: [UInt8], options: SimulatedDisk.Options = .init()) throws
        -> (SimulatedDisk, any StorageFile)
    {
        let disk = SimulatedDisk(seed: 1, options: options)
        let file = try disk.open("/a", .createNew)
        try file.write(bytes, at: 0)
        try file.synchronize()
        try disk.synchronizeDirectory("/")
        return (disk, file)
    }

    @Test("loses a write without a sync in a power failure, and keeps it after a kill")
    func unsynchronizedWrite() throws {
        let (disk, file) = try Self.disk([1, 1, 1])
        try file.write([2], at: 1)
        try file.write([3], at: 3)
        #expect(disk.bytes(of: "/a") == [1, 2, 1, 3])
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == [1, 1, 1])
        #expect(disk.crashed(.keepingUnsynchronized).bytes(of: "/a") == [1, 2, 1, 3])
        #expect(disk.killed().bytes(of: "/a") == [1, 2, 1, 3])
        // A kill and then a power failure: the write was never durable.
        #expect(disk.killed().crashed(.losingUnsynchronized).bytes(of: "/a") == [1, 1, 1])
        try file.synchronizeData()
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == [1, 2, 1, 3])
    }

    @Test("loses a new name without a sync of its directory")
    func unsynchronizedName() throws {
        let disk = SimulatedDisk()
        let file = try disk.open("/a", .createNew)
        try file.write([1], at: 0)
        try file.synchronize()
        #expect(disk.crashed(.losingUnsynchronized).files.isEmpty)
        #expect(disk.killed().bytes(of: "/a") == [1])
        try disk.synchronizeDirectory("/")
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == [1])
    }

    @Test("keeps only the name of an unsynchronized file whose directory was synchronized")
    func nameWithoutBytes() throws {
        let disk = SimulatedDisk()
        try disk.open("/a", .createNew).write([1], at: 0)
        try disk.synchronizeDirectory("/")
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == [])
    }

    @Test("makes directories durable with their parents, as the real createDirectory does")
    func directories() throws {
        let disk = SimulatedDisk()
        try disk.createDirectory("/a/b/c")
        #expect(try disk.crashed(.losingUnsynchronized).exists("/a/b/c"))
        // Without the sync of the parent, the last folder and its content are lost.
        let calls = disk.callCount
        try disk.createDirectory("/a/b/d")
        #expect(disk.callCount == calls + 4)
        let other = SimulatedDisk()
        other.stop(afterCall: 1)
        #expect(throws: StoreError.self) { try other.createDirectory("/x") }
        #expect(try other.killed().exists("/x"))
        #expect(try !other.crashed(.losingUnsynchronized).exists("/x"))
    }

    @Test("has the old or the new file after a rename and a power failure, never neither")
    func rename() throws {
        let (disk, _) = try Self.disk([1])
        let new = try disk.open("/b", .createNew)
        try new.write([2], at: 0)
        try new.synchronize()
        try disk.rename("/b", to: "/a")
        #expect(try disk.names(inDirectory: "/") == ["a"])
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == [1])
        var seen: Set<[UInt8]> = []
        for seed in 0..<100 {
            let after = disk.crashed(.keepingSome(seed: UInt64(seed)))
            seen.insert(try #require(after.bytes(of: "/a")))
            #expect(after.files.count == (after.bytes(of: "/b") == nil ? 1 : 2))
        }
        #expect(seen == [[1], [2]])
        try disk.synchronizeDirectory("/")
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == [2])
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/b") == nil)
    }

    @Test("brings a removed file back unless its directory was synchronized")
    func remove() throws {
        let (disk, file) = try Self.disk([1])
        try disk.removeFile("/a")
        try disk.removeFile("/a")
        #expect(try !disk.exists("/a"))
        // An open file is an inode: it stays usable.
        #expect(try file.read(byteCount: 4, at: 0) == [1])
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == [1])
        try disk.synchronizeDirectory("/")
        #expect(disk.crashed(.losingUnsynchronized).bytes(of: "/a") == nil)
    }

    @Test("commits a rename between directories as one change, whichever is synchronized")
    func renameAcross() throws {
        for synchronized in ["/x", "/y"] {
            let disk = SimulatedDisk()
            try disk.createDirectory("/x")
            try disk.createDirectory("/y")
            try disk.open("/x/a", .createNew).synchronize()
            try disk.rename("/x/a", to: "/y/b")
            try disk.synchronizeDirectory(synchronized)
            #expect(disk.crashed(.losingUnsynchronized).files.map(\.path) == ["/y/b"])
        }
    }

    @Test("reads zeros where a length is kept and its bytes are not, and never other bytes")
    func sampledLengths() throws {
        var lengths: Set<Int> = []
        for seed in 0..<200 {
            let (disk, file) = try Self.disk([UInt8](repeating: 1, count: 700))
            try file.write([UInt8](repeating: 2, count: 1500), at: 700)
            try file.allocate(byteCount: 4000)
            let bytes = try #require(disk.crashed(.keepingSome(seed: UInt64(seed))).bytes(of: "/a"))
            lengths.insert(bytes.count)
            #expect(bytes.prefix(700).allSatisfy { $0 == 1 })
            for (place, byte) in bytes.enumerated().dropFirst(700) {
                #expect(byte == 0 || byte == 2 && place < 2200)
            }
            // Sectors are written whole.
            for start in stride(from: 1024, to: min(bytes.count, 2048), by: 512) {
                #expect(Set(bytes[start..<min(bytes.count, start + 512)]).count == 1)
            }
        }
        #expect(lengths == [700, 2200, 4000])
    }

    @Test("draws the same for the same seed")
    func determinism() throws {
        func run() throws -> [[UInt8]] {
            let (disk, file) = try Self.disk([1])
            for place in 0..<20 { try file.write([UInt8(place)], at: UInt64(place * 512)) }
            return (0..<50).map {
                disk.crashed(.keepingSome(seed: UInt64($0))).bytes(of: "/a") ?? []
            }
        }
        let first = try run()
        #expect(try first == run())
        #expect(Set(first).count > 20)
    }

    @Test("tears the last write at each byte, with and without the other changes")
    func tornWrite() throws {
        let (disk, file) = try Self.disk([UInt8](repeating: 1, count: 3000))
        try file.write([9], at: 0)
        try file.write([UInt8](repeating: 2, count: 1600), at: 500)
        let last = try #require(disk.lastUnsynchronizedWrite)
        #expect(last.offset == 500 && last.byteCount == 1600)
        for count in Array(stride(from: 0, through: 1600, by: 512)) + [1, 777, 1600] {
            var expected = [UInt8](repeating: 1, count: 3000)
            for place in 500..<500 + count { expected[place] = 2 }
            let alone = disk.crashed(.tearingLastWrite(byteCount: count, keepingRest: false))
            #expect(alone.bytes(of: "/a") == expected)
            expected[0] = 9
            #expect(disk.crashed(.tearingLastWrite(byteCount: count)).bytes(of: "/a") == expected)
        }
    }

    @Test("does not bring cut bytes back, and loses bytes that were written after a lost cut")
    func truncation() throws {
        for seed in 0..<100 {
            let (disk, file) = try Self.disk([UInt8](repeating: 1, count: 2000))
            try file.truncate(to: 100)
            try file.write([UInt8](repeating: 3, count: 512), at: 1024)
            let bytes = try #require(disk.crashed(.keepingSome(seed: UInt64(seed))).bytes(of: "/a"))
            #expect(bytes.prefix(100).allSatisfy { $0 == 1 })
            let isCut = bytes.count != 2000
            for byte in bytes.dropFirst(100) { #expect(isCut ? byte != 1 : byte == 1) }
        }
    }
}
