import Foundation
import StorageIO
import Testing

#if canImport(Glibc)
    import Glibc
#endif

struct POSIXFileSystemTests {
    private let fileSystem = POSIXFileSystem()

    private func withFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/storage-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try fileSystem.createDirectory(path + "/a/b")
        try body(path + "/a/b")
    }

    @Test("what is written is read, at any offset, and a reserved file reads as zeros")
    func readsAndWrites() throws {
        try withFolder { folder in
            let file = try fileSystem.open("\(folder)/file", .createNew)
            try file.allocate(byteCount: 8192)
            try file.write([1, 2, 3], at: 5000)
            try file.synchronizeData()
            #expect(try file.byteCount() == 8192)
            #expect(try file.read(byteCount: 5, at: 4999) == [0, 1, 2, 3, 0])
            #expect(try file.read(byteCount: 10, at: 8190) == [0, 0])
            try file.truncate(to: 5001)
            #expect(try file.read(byteCount: 10, at: 5000) == [1])
        }
    }

    @Test("files and folders are their owner's alone")
    func modes() throws {
        try withFolder { folder in
            let lock = try fileSystem.lock("\(folder)/LOCK")
            _ = try fileSystem.open("\(folder)/file", .createNew)
            for (name, mode) in [("", 0o700), ("/file", 0o600), ("/LOCK", 0o600)] {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder + name)
                #expect(attributes[.posixPermissions] as? Int == mode, "\(name)")
            }
            withExtendedLifetime(lock) {}
        }
    }

    @Test("a sync that fails is an error")
    func failedSync() throws {
        // Devices have nothing to synchronize: EINVAL.
        let device = try fileSystem.open("/dev/null", .readWrite)
        #expect(throws: StoreError(.io, "")) { try device.synchronizeData() }
        #expect(throws: StoreError(.io, "")) { try device.synchronize() }
    }

    @Test("a file that exists is not created again, and a missing one is not opened")
    func openModes() throws {
        try withFolder { folder in
            _ = try fileSystem.open("\(folder)/file", .createNew)
            #expect(throws: StoreError(.io, "")) {
                try fileSystem.open("\(folder)/file", .createNew)
            }
            let error = #expect(throws: StoreError.self) {
                try fileSystem.open("\(folder)/missing", .readWrite)
            }
            #expect(error?.message == "cannot open \(folder)/missing: No such file or directory")
        }
    }

    @Test("reading past the end of what must be there is corruption, with the place")
    func endOfFile() throws {
        try withFolder { folder in
            let file = try fileSystem.open("\(folder)/file", .createNew)
            try file.write([1, 2, 3], at: 0)
            var buffer = [UInt8](repeating: 0, count: 4)
            let error = #expect(throws: StoreError.self) {
                try buffer.withUnsafeMutableBytes { try file.readExactly(into: $0, at: 0) }
            }
            #expect(error?.code == .corruption)
            #expect(error?.message.contains("ends at byte 3") == true)
        }
    }

    @Test("a lock is free again although a copy of its file is open, as in a child process")
    func lockWithCopies() throws {
        try withFolder { folder in
            var lock: (any FileLock)? = try fileSystem.lock("\(folder)/LOCK")
            withExtendedLifetime(lock) {}
            let file = try #require(
                (3..<65_536).first { number in
                    var path = [CChar](repeating: 0, count: 4096)
                    let count = readlink("/proc/self/fd/\(number)", &path, path.count - 1)
                    let bytes = path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
                    return String(decoding: bytes, as: UTF8.self).hasSuffix("\(folder)/LOCK")
                })
            let copy = dup(Int32(file))
            defer { close(copy) }
            lock = nil
            _ = try fileSystem.lock("\(folder)/LOCK")
        }
    }

    @Test("a lock is given once, names its holder, and is free again when its holder is gone")
    func locks() throws {
        try withFolder { folder in
            var lock: (any FileLock)? = try fileSystem.lock("\(folder)/LOCK")
            let error = #expect(throws: StoreError.self) { try fileSystem.lock("\(folder)/LOCK") }
            #expect(error?.code == .inUse)
            #expect(error?.message.contains("open already in this process") == true)
            withExtendedLifetime(lock) {}
            lock = nil
            _ = try fileSystem.lock("\(folder)/LOCK")
        }
    }
}
