import Foundation
import TestTools
import Testing

@testable import StorageIO

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

    @Test("reads what was written, at any offset, and zeros in a reserved file")
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

    @Test("restricts files and folders to their owner")
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

    @Test("reports a failed sync")
    func failedSync() throws {
        // Devices have nothing to synchronize: EINVAL.
        let descriptor = open("/dev/null", O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
        let device = POSIXFile(path: "/dev/null", descriptor: descriptor)
        #expect(throws: StoreError(.io, "")) { try device.synchronizeData() }
        #expect(throws: StoreError(.io, "")) { try device.synchronize() }
    }

    @Test(
        "refuses everything but a file, and waits for nobody", .timeLimit(.minutes(1)),
        arguments: OtherThanFile.allCases)
    func otherThanFiles(kind: OtherThanFile) throws {
        try withFolder { folder in
            let path = "\(folder)/file"
            try kind.make(at: path)
            for mode in [OpenMode.readOnly, .readWrite] {
                let error = #expect(throws: StoreError(.corruption, "")) {
                    try fileSystem.open(path, mode)
                }
                #expect(error?.message == "\(path) is a \(kind), and not a file")
            }
            // A link to a device is refused as a link.
            #expect(throws: StoreError.self) { try fileSystem.lock(path) }
            #expect(throws: StoreError.self) { try fileSystem.lockReadOnly(path) }
            #expect(throws: StoreError(.io, "")) { try fileSystem.open(path, .createNew) }
        }
    }

    @Test("locks without writing, and respects such a lock")
    func readOnlyLock() throws {
        try withFolder { folder in
            let path = "\(folder)/LOCK"
            #expect(try fileSystem.lockReadOnly(path) == nil)
            #expect(try !fileSystem.exists(path))
            _ = withExtendedLifetime(try fileSystem.lock(path)) {
                #expect(throws: StoreError(.inUse, "")) { try fileSystem.lockReadOnly(path) }
            }
            try Data("7\n".utf8).write(to: URL(fileURLWithPath: path))
            _ = withExtendedLifetime(try fileSystem.lockReadOnly(path)) {
                #expect(throws: StoreError(.inUse, "")) { try fileSystem.lock(path) }
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("7\n".utf8))
            _ = try fileSystem.lock(path)
        }
    }

    @Test("does not create a file that exists, nor open a missing one")
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

    @Test("reports corruption with the place for a read past the required end")
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

    @Test("frees a lock although a copy of its file is open, as in a child process")
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

    @Test("gives a lock once, names its holder, and frees it with its holder")
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
