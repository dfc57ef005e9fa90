import BackupTools
import Foundation
import ImmudbBackup
import ImmudbServer
import ImmudbStore
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import TestTools
import Testing

@Suite("The file of a backup", .ownThread)
struct BackupFileTests {
    private let disk = SimulatedDisk()
    private let path = "/full.backup"

    private func open(replaces: Bool = false) throws(StoreError) -> BackupFile {
        try BackupFile(path, replaces: replaces, fileSystem: disk)
    }

    @Test("replaces an existing file if it shall, and only once it is complete")
    func existing() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        disk.replace(path, with: [1, 2, 3])
        let error = try failure { _ = try open() }
        #expect(error.code == .inUse && error.message.contains("--force"))
        #expect(disk.bytes(of: path + ".part") == nil)
        let backup = try source.database.backup()
        let file = try open(replaces: true)
        try file.begin(backup.head)
        try backup.write { part throws(StoreError) in try file.append(part) }
        #expect(disk.bytes(of: path) == [1, 2, 3])
        try file.complete()
        let whole = try #require(disk.bytes(of: path))
        #expect(try BackupFixture.restore([whole]) == source.database.snapshot.trustedRoot)
        #expect(disk.files.map(\.path) == [path])
        let previous = try PreviousBackup(path: path, fileSystem: disk)
        #expect(previous.trailer.end == source.database.snapshot.trustedRoot)
        try source.database.close()
    }

    @Test("goes on with the part of the same backup, and leaves one of another alone")
    func otherPart() async throws {
        let source = try BackupFixture()
        let other = try BackupFixture()
        for fixture in [source, other] { try await fixture.appendMixed("a") }
        let backup = try source.database.backup()
        do {
            let file = try open()
            try file.begin(backup.head)
            try file.append(try #require(try backup.nextPart()))
        }
        let left = disk.bytes(of: path + ".part")
        do {
            let file = try open()
            #expect(file.unfinished?.end == source.database.snapshot.trustedRoot)
            let error = try failure { try file.begin(try other.database.backup().head) }
            #expect(error.code == .otherHistory && error.message.contains("Remove it"))
            file.discardIfEmpty()
        }
        #expect(disk.bytes(of: path + ".part") == left)
        // The chunk is whole; half of another one behind it is cut.
        disk.replace(path + ".part", with: (left ?? []) + [1, 67, 72, 75, 0, 0])
        do {
            let file = try open()
            try file.begin(backup.head)
        }
        #expect(disk.bytes(of: path + ".part") == left)
        for fixture in [source, other] { try fixture.database.close() }
    }

    @Test("is written by one process at a time, and takes no other file for its part")
    func others() throws {
        let first = try open()
        #expect(try failure { _ = try open() }.code == .inUse)
        first.discardIfEmpty()
        let foreign = SimulatedDisk()
        let text = Array(String(repeating: "somebody's file ", count: 40).utf8)
        foreign.replace(path + ".part", with: text)
        let error = try failure { _ = try BackupFile(path, replaces: false, fileSystem: foreign) }
        #expect(error.code == .incompatibleFormat && error.message.contains("remove the file"))
        #expect(foreign.bytes(of: path + ".part") == text)
    }

    @Test("overwrites the torn head of a part, and no short file of somebody")
    func shortPart() throws {
        let head = BackupHead(identity: DatabaseIdentity.random(), name: "a", timeMicroseconds: 1)
        for left in [[], [0, 0, 0], Array(head.bytes.prefix(5)), Array(head.bytes.dropLast())] {
            let torn = SimulatedDisk()
            torn.replace(path + ".part", with: left)
            let file = try BackupFile(path, replaces: false, fileSystem: torn)
            try file.begin(head)
            #expect(torn.bytes(of: path + ".part") == head.bytes)
        }
        for text in ["notes\n", "IMMUBAK2", String(repeating: "n", count: 355)] {
            let foreign = SimulatedDisk()
            foreign.replace(path + ".part", with: Array(text.utf8))
            let error = try failure {
                _ = try BackupFile(path, replaces: false, fileSystem: foreign)
            }
            #expect(error.code == .incompatibleFormat && error.message.contains(path + ".part"))
            #expect(foreign.bytes(of: path + ".part") == Array(text.utf8))
        }
    }

    @Test("is not the backup that it continues, under whatever name")
    func continuesItself() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let folder = TemporaryFolder()
        let path = folder.file("full").path
        try Data(try source.backup()).write(to: folder.file("full"))
        try source.database.close()
        let link = folder.file("link").path
        try FileManager.default.linkItem(atPath: path, toPath: link)
        let start = try BackupStart(path)
        for name in [path, link, folder.file("./full").path] {
            #expect(try failure { try start.requireOther(than: name) }.code == .inUse)
        }
        try start.requireOther(than: folder.file("next").path)
        try BackupStart(nil).requireOther(than: path)
    }

    @Test("has a name, and replaces nothing but a regular file")
    func unusableNames() throws {
        #expect(try failure { _ = try BackupFile("", replaces: true) }.message.contains("empty"))
        let folder = TemporaryFolder()
        let path = folder.file("folder").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(try failure { _ = try BackupFile(path, replaces: true) }.code == .inUse)
        #expect(!FileManager.default.fileExists(atPath: path + ".part"))
    }

    @Test("is restored neither in the place of a link nor as the database of the users")
    func unusableFolders() throws {
        let folder = TemporaryFolder()
        let link = folder.file("link").path
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: folder.file("data").path)
        var users = FolderRestore.Options(directory: folder.file("new").path)
        users.databaseName = "immudbsys"
        // The rename of a folder to one of these names fails.
        let names = [".", "..", "./", folder.file("new/.").path, folder.file("new/..").path]
        for options in [users, FolderRestore.Options(directory: link)]
            + names.map({ FolderRestore.Options(directory: $0) })
        {
            let error = try failure {
                _ = try FolderRestore(options).run(["full"]) { name throws(StoreError) in
                    throw StoreError(.io, "\(name) is opened")
                }
            }
            #expect(error.code == .inUse)
        }
    }

    @Test("is restored into an empty folder, unless that cannot be replaced")
    func existingFolder() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let bytes = try source.backup()
        try source.database.close()
        let parent = TemporaryFolder()
        let target = parent.file("data").path
        try FileManager.default.createDirectory(
            atPath: target, withIntermediateDirectories: false)
        /// What a mount of a folder of the same file system says.
        struct MountPoint: ForwardingFileSystem {
            let base = POSIXFileSystem()
            func rename(_ path: String, to newPath: String) throws(StoreError) {
                throw StoreError.system("cannot rename to \(newPath)", path, EBUSY)
            }
        }
        var mounted = FolderRestore.Options(directory: target)
        mounted.fileSystem = MountPoint()
        let error = try failure {
            _ = try FolderRestore(mounted).run(["full"]) { name throws(StoreError) in
                throw StoreError(.io, "\(name) is opened")
            }
        }
        #expect(error.code == .inUse, "\(error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path) == ["data"])
        let tree = try FolderRestore(FolderRestore.Options(directory: target)).run(["full"]) {
            name throws(StoreError) in try memoryReader(bytes, named: name)
        }
        #expect(tree.size.rawValue == 6)
        #expect(FileManager.default.fileExists(atPath: "\(target)/immudb.identifier"))
    }

    @Test("takes no link and makes its part private")
    func links() throws {
        let folder = TemporaryFolder()
        let path = folder.file("full").path
        let notes = folder.file("notes")
        try Data().write(to: notes)
        try FileManager.default.createSymbolicLink(
            atPath: path + ".part", withDestinationPath: notes.path)
        let error = try failure { _ = try BackupFile(path, replaces: false) }
        #expect(error.message.contains(path + ".part") && error.message.contains("remove it"))
        try FileManager.default.removeItem(atPath: path + ".part")
        #expect(
            FileManager.default.createFile(
                atPath: path + ".part", contents: nil, attributes: [.posixPermissions: 0o666]))
        let file = try BackupFile(path, replaces: false)
        let attributes = try FileManager.default.attributesOfItem(atPath: path + ".part")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        file.discardIfEmpty()
    }

    @Test("takes no file for its lock that is none of its own")
    func lockOfOthers() throws {
        let folder = TemporaryFolder()
        let path = folder.file("full").path
        let lock = folder.file("full.part.lock")
        let text = Data("notes of somebody\n".utf8)
        try text.write(to: lock)
        func refuse() throws {
            let error = try failure { _ = try BackupFile(path, replaces: false) }
            #expect(error.code == .permissionDenied && error.message.contains("remove it"))
            #expect(!FileManager.default.fileExists(atPath: path + ".part"))
        }
        try refuse()
        #expect(try Data(contentsOf: lock) == text)
        // A number is what a lock has; whose it is decides then, and only root can make one of somebody else.
        try Data("123\n".utf8).write(to: lock)
        if chown(lock.path, 65_534, 65_534) == 0 {
            try refuse()
            #expect(try Data(contentsOf: lock) == Data("123\n".utf8))
            #expect(chown(lock.path, geteuid(), getegid()) == 0)
        }
        let file = try BackupFile(path, replaces: false)
        #expect(try Data(contentsOf: lock) == Data("\(getpid())\n".utf8))
        file.discardIfEmpty()
        #expect(mkfifo(lock.path, 0o600) == 0)
        try refuse()
    }

    @Test("is no beginning for another backup unless it is complete")
    func previous() async throws {
        let source = try BackupFixture()
        try await source.appendMixed("a")
        let bytes = try source.backup()
        try source.database.close()
        for end in [0, 50, 120, bytes.count - 1] {
            disk.replace(path, with: Array(bytes[..<end]))
            #expect(throws: StoreError.self) { try PreviousBackup(path: path, fileSystem: disk) }
        }
    }
}

@Suite("A root that somebody knows")
struct KnownRootTests {
    private let folder = TemporaryFolder()
    private let root = Digest.leaf(index: EntryIndex(0), key: [1] as [UInt8], value: [2])

    private func file(_ name: String, _ content: [UInt8]) throws -> String {
        try Data(content).write(to: folder.file(name))
        return folder.file(name).path
    }

    @Test("is read from a text, a client's root file, and a receipt")
    func forms() throws {
        let known = TrustedRoot(size: TreeSize(8), root: root)
        #expect(try KnownRoot.read(known.text) == known)
        #expect(try KnownRoot.read(file("root", [0x08, 7, 0x12, 32] + root.bytes)) == known)
        let receipt = """
            immudb receipt 1
            server: abc
            index: 3
            key: 00
            value: 01
            hash: \(root.hex)
            root-index: 7
            root: \(root.hex)

            """
        #expect(try KnownRoot.read(file("receipt", Array(receipt.utf8))) == known)
        // From a server with a signing key; the signed tree is a later one.
        let signed = """
            signed-index: 9
            signed-root: \(Digest.emptyTree.hex)
            signature: 00
            public-key: 00

            """
        let second = receipt.replacing("receipt 1", with: "receipt 2") + signed
        #expect(try KnownRoot.read(file("signed", Array(second.utf8))) == known)
        let third = receipt.replacing("receipt 1", with: "receipt 3")
        let later = try file("later", Array(third.utf8))
        #expect(try failure { _ = try KnownRoot.read(later) }.code == .incompatibleFormat)
    }

    @Test("has entries: no comparison with the root of none can fail")
    func empty() throws {
        // An empty file, and what a client has of a server that was empty at first contact.
        for text in [
            try file("empty", []), try file("zero", [8, 0]), "/dev/null", TrustedRoot.empty.text,
        ] {
            let error = try failure { _ = try KnownRoot.read(text) }
            #expect(error.code == .incompatibleFormat && error.message.contains("proves nothing"))
        }
    }

    @Test("is nothing else")
    func others() throws {
        for text in ["", "7@7", "no such file", "\(root.hex)", "\(root.hex)@-1"] {
            #expect(try failure { _ = try KnownRoot.read(text) }.code == .incompatibleFormat)
        }
        for content in [
            Array("immudb receipt 1\nroot: \(root.hex)\n".utf8), Array("some text\n".utf8),
            [0x08, 7, 0x12, 31] + root.bytes.dropLast(),
        ] {
            let path = try file("wrong", content)
            #expect(try failure { _ = try KnownRoot.read(path) }.code == .incompatibleFormat)
        }
    }
}
