import ImmudbStore
import SimulatedDisk
import StorageIO

/// A small closed database on a simulated disk, to be damaged.
struct SmallDatabase {
    let disk: SimulatedDisk
    let session: StoreSession
    var entries: [Entry] { session.model.found }

    /// Some twenty entries in two segments, and all views complete.
    init(seed: UInt64 = 0, stepCount: Int = 7) throws {
        disk = SimulatedDisk(seed: seed)
        session = StoreSession(disk, seed: seed)
        try session.open()
        for step in 0..<stepCount { try session.append([.mixed, .values([step * 140])]) }
        try session.reopen()
        session.close()
    }

    /// The files, and of each the bytes up to which it is used, and some of the zeros behind.
    func usedBytes() -> [(path: String, byteCount: Int)] {
        disk.files.compactMap { path, _ in
            guard let bytes = disk.bytes(of: path), !bytes.isEmpty else { return nil }
            let used = (bytes.lastIndex { $0 != 0 } ?? -1) + 1
            return (path, min(bytes.count, used + 64))
        }
    }

    /// Puts a folder or file of another disk in the place of this one's.
    static func replace(_ name: String, on disk: SimulatedDisk, by other: SimulatedDisk) throws {
        let path = "\(StoreSession.path)/\(name)"
        for (file, _) in disk.files where file.hasPrefix(path) { try disk.removeFile(file) }
        for (file, _) in other.files where file.hasPrefix(path) {
            disk.replace(file, with: other.bytes(of: file) ?? [])
        }
    }
}
