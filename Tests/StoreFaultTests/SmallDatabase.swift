import ImmudbStore
import SimulatedDisk
import StorageIO

/// A small closed database on a simulated disk, for tests that damage it.
struct SmallDatabase {
    let disk: SimulatedDisk
    let session: StoreSession
    var entries: [Entry] { session.model.found }

    /// Makes some twenty entries in two segments, with all views complete.
    init(seed: UInt64 = 0, stepCount: Int = 7) throws {
        disk = SimulatedDisk(seed: seed)
        session = StoreSession(disk, seed: seed)
        try session.open()
        for step in 0..<stepCount { try session.append([.mixed, .values([step * 140])]) }
        try session.reopen()
        session.close()
    }

    /// Returns the files, each with the number of its used bytes and some of the zeros after them.
    func usedBytes() -> [(path: String, byteCount: Int)] {
        disk.files.compactMap { path, _ in
            guard let bytes = disk.bytes(of: path), !bytes.isEmpty else { return nil }
            let used = (bytes.lastIndex { $0 != 0 } ?? -1) + 1
            return (path, min(bytes.count, used + 64))
        }
    }

    /// Replaces a folder or file of this disk by that of another disk.
    static func replace(_ name: String, on disk: SimulatedDisk, by other: SimulatedDisk) throws {
        let path = "\(StoreSession.path)/\(name)"
        for (file, _) in disk.files where file.hasPrefix(path) { try disk.removeFile(file) }
        for (file, _) in other.files where file.hasPrefix(path) {
            disk.replace(file, with: other.bytes(of: file) ?? [])
        }
    }
}
