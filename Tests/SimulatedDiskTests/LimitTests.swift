import Foundation
import SimulatedDisk
import StorageIO
import Testing

struct LimitTests {
    @Test("has no space beyond its limit, writes what fits, and continues when space is freed")
    func bytes() throws {
        let disk = SimulatedDisk(limits: DiskLimits(byteCount: 5 * 4096))
        let file = try disk.open("/a", .createNew)
        try file.allocate(byteCount: 3 * 4096)
        #expect(try disk.freeSpace(at: "/").byteCount == 2 * 4096)
        #expect(throws: StoreError(.noSpace, "")) { try file.allocate(byteCount: 6 * 4096) }
        #expect(try file.byteCount() == 3 * 4096)
        let other = try disk.open("/b", .createNew)
        #expect(throws: StoreError(.noSpace, "")) {
            try other.write([UInt8](repeating: 1, count: 3 * 4096), at: 0)
        }
        #expect(try other.byteCount() == 2 * 4096)
        #expect(try disk.freeSpace(at: "/").byteCount == 0)
        // Reserved space can be written.
        try file.write([UInt8](repeating: 2, count: 3 * 4096), at: 0)
        #expect(throws: StoreError(.noSpace, "")) { try file.write([1], at: 3 * 4096) }
        try other.truncate(to: 4096)
        try file.write([1], at: 3 * 4096)
        // A removed file keeps its space until it is closed.
        try disk.removeFile("/b")
        #expect(try disk.freeSpace(at: "/").byteCount == 0)
        withExtendedLifetime(other) {}
    }

    @Test("frees space with the last reference to a removed file")
    func removedFile() throws {
        let disk = SimulatedDisk(limits: DiskLimits(byteCount: 4096))
        var file: (any StorageFile)? = try disk.open("/a", .createNew)
        try file?.write([1], at: 0)
        try disk.removeFile("/a")
        #expect(try disk.freeSpace(at: "/").byteCount == 0)
        file = nil
        #expect(try disk.freeSpace(at: "/").byteCount == 4096)
        disk.limits.byteCount = 0
        #expect(try disk.freeSpace(at: "/").byteCount == 0)
        disk.limits.byteCount = nil
        #expect(try disk.freeSpace(at: "/").byteCount > 1 << 40)
    }

    @Test("has no inodes beyond its limit")
    func inodes() throws {
        let disk = SimulatedDisk(limits: DiskLimits(fileCount: 2))
        try disk.createDirectory("/d")
        _ = try disk.open("/d/a", .createNew)
        #expect(try disk.freeSpace(at: "/").fileCount == 0)
        #expect(throws: StoreError(.noSpace, "")) { try disk.open("/d/b", .createNew) }
        #expect(throws: StoreError(.noSpace, "")) { try disk.createDirectory("/e") }
        try disk.removeFile("/d/a")
        _ = try disk.open("/d/b", .createNew)
    }

    @Test("opens no more files than it may, and more after a close")
    func descriptors() throws {
        let disk = SimulatedDisk(limits: DiskLimits(descriptorCount: 2))
        let first = try disk.open("/a", .createNew)
        var second: (any StorageFile)? = try disk.open("/b", .createNew)
        #expect(throws: StoreError(.noDescriptors, "")) { try disk.open("/a", .readOnly) }
        #expect(throws: StoreError(.noDescriptors, "")) { try disk.names(inDirectory: "/") }
        #expect(second != nil)
        second = nil
        #expect(try disk.names(inDirectory: "/").sorted() == ["a", "b"])
        #expect(disk.openFileCount == 1)
        withExtendedLifetime(first) {}
    }

    @Test("takes no memory for reserved space, and reads zeros there")
    func sparse() throws {
        let disk = SimulatedDisk()
        let file = try disk.open("/a", .createNew)
        try file.allocate(byteCount: 60 << 30)
        try file.write([7], at: 1 << 20)
        #expect(try file.read(byteCount: 3, at: (1 << 20) - 1) == [0, 7, 0])
        #expect(try file.read(byteCount: 3, at: (60 << 30) - 1) == [0])
        #expect(try file.read(byteCount: 3, at: .max) == [])
        #expect(throws: StoreError(.io, "")) { try file.write([1], at: .max) }
    }

    @Test("answers as the real file system does when names are wrong")
    func wrongNames() throws {
        let disk = SimulatedDisk()
        try disk.createDirectory("/d")
        let file = try disk.open("/d/a", .createNew)
        #expect(throws: StoreError.self) { try disk.open("/d/a", .createNew) }
        #expect(throws: StoreError.self) { try disk.open("/d/b", .readWrite) }
        #expect(throws: StoreError.self) { try disk.open("/e/b", .createNew) }
        #expect(throws: StoreError.self) { try disk.open("/d", .readWrite) }
        #expect(throws: StoreError.self) { try disk.createDirectory("/d/a") }
        #expect(throws: StoreError.self) { try disk.names(inDirectory: "/d/a") }
        #expect(throws: StoreError.self) { try disk.rename("/d/b", to: "/d/c") }
        #expect(throws: StoreError.self) { try disk.rename("/d/a", to: "/d") }
        #expect(try !disk.exists("/d/a/b"))
        #expect(try disk.exists("/d/"))
        try disk.removeFile("/nowhere/b")
        let reader = try disk.open("/d/a", .readOnly)
        #expect(throws: StoreError.self) { try reader.write([1], at: 0) }
        // Open files follow their inode.
        try disk.rename("/d/a", to: "/d/z")
        try file.write([5], at: 0)
        #expect(disk.bytes(of: "/d/z") == [5])
    }

    @Test("locks once, and frees the lock with its object or with the process")
    func locks() throws {
        let disk = SimulatedDisk()
        var lock: (any FileLock)? = try disk.lock("/lock")
        #expect(throws: StoreError(.inUse, "")) { try disk.lock("/lock") }
        _ = try disk.killed().lock("/lock")
        #expect(lock != nil)
        lock = nil
        _ = try disk.lock("/lock")
        #expect(disk.openFileCount == 0)
    }

    @Test("goes two ways after a copy, and flips bits in both images")
    func copies() throws {
        let (disk, file) = try DurabilityTests.disk([1, 2])
        let copy = disk.copy()
        try file.write([9], at: 0)
        #expect(copy.bytes(of: "/a") == [1, 2])
        #expect(copy.callCount == disk.callCount - 1)
        #expect(copy.flip("/a", byte: 1, bit: 7))
        #expect(!copy.flip("/a", byte: 2, bit: 7))
        #expect(copy.bytes(of: "/a") == [1, 130])
        #expect(copy.crashed(.losingUnsynchronized).bytes(of: "/a") == [1, 130])
        #expect(disk.bytes(of: "/a") == [9, 2])
        #expect(copy.replace("/b", with: [4]))
        #expect(copy.crashed(.losingUnsynchronized).bytes(of: "/b") == [4])
    }

    @Test("takes calls from many threads")
    func threads() async throws {
        let disk = SimulatedDisk()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<50 {
                        let path = "/\(task)-\(number)"
                        let file = try disk.open(path, .createNew)
                        try file.write([UInt8(task)], at: UInt64(number))
                        try disk.rename(path, to: path + "x")
                        try disk.synchronizeDirectory("/")
                        if number % 2 == 0 { try disk.removeFile(path + "x") }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(disk.files.count == 200)
        #expect(disk.openFileCount == 0)
    }
}
