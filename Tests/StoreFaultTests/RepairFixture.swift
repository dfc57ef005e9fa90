import HexEditor
import ImmudbStore
import SimulatedDisk
import StorageIO

/// A database of three segments or more, and a copy of it on the same disk.
struct RepairFixture {
    let small: SmallDatabase
    let disk: SimulatedDisk
    let editor: HexEditor<SimulatedDisk>
    var entries: [Entry] { small.entries }

    init() throws {
        small = try SmallDatabase(stepCount: 14)
        disk = small.disk.killed()
        // A crash must not bring back what the database left unsynchronized, such as space that it gave back.
        for (file, _) in disk.files { disk.replace(file, with: disk.bytes(of: file) ?? []) }
        try Self.copyFiles(from: disk, StoreSession.path, to: disk, Self.copy)
        editor = HexEditor(disk)
    }

    static let copy = "/copy"

    static func copyFiles(
        from disk: SimulatedDisk, _ path: String, to other: SimulatedDisk, _ newPath: String
    ) throws {
        for folder in ["ledger", "tree", "index"] {
            try other.createDirectory("\(newPath)/\(folder)")
        }
        for (file, _) in disk.files where file.hasPrefix("\(path)/") {
            other.replace(newPath + file.dropFirst(path.count), with: disk.bytes(of: file) ?? [])
        }
    }

    static func repair(
        _ disk: SimulatedDisk, from source: RepairSource? = .folder(copy),
        _ change: (inout VerificationOptions) -> Void = { _ in }
    ) throws -> RepairReport {
        var options = VerificationOptions()
        options.fileSystem = disk
        change(&options)
        return try Database.repair(at: StoreSession.path, from: source, options: options)
    }

    enum Damage: CaseIterable {
        case flippedValue, flippedFrameHead, flippedSegmentHead, changedWithChecksums
        case changedWithRoot, swapped, missingSegment, cutMiddle, cutTail, everything
    }

    /// Damages the database, and not its copy.
    func damage(_ kind: Damage) throws {
        let last = UInt64(try editor.frames().reduce(0) { $0 + $1.count }) - 1
        switch kind {
        case .flippedValue: try editor.changeValue(of: 4)
        case .flippedFrameHead:
            let frame = try editor.record(of: 4).frame
            try editor.edit(editor.segmentPath(frame.segment)) {
                $0[frame.range.lowerBound + 9] ^= 1
            }
        case .flippedSegmentHead: try editor.edit(editor.segmentPath(1)) { $0[50] ^= 1 }
        case .changedWithChecksums:
            try editor.changeValue(of: 4, mending: .frame)
        case .changedWithRoot:
            try editor.changeValue(of: 4, mending: .frame)
            try editor.mendTree()
            let frame = try editor.record(of: 4).frame
            try editor.setRoot(try editor.root(after: frame), of: frame)
        case .swapped:
            let frames = try editor.frames().filter { $0.segment == 0 && $0.count > 0 }
            try editor.edit(editor.segmentPath(0)) { bytes in
                let (one, two) = (frames[0].range, frames[1].range)
                bytes.replaceSubrange(
                    one.lowerBound..<two.upperBound, with: bytes[two] + bytes[one])
            }
        case .missingSegment: try editor.disk.removeFile(editor.segmentPath(1))
        case .cutMiddle: try editor.edit(editor.segmentPath(0)) { $0.removeLast(500) }
        case .cutTail:
            let frame = try editor.record(of: last).frame
            try editor.edit(editor.segmentPath(frame.segment)) {
                $0.removeSubrange(frame.range.lowerBound...)
            }
        case .everything:
            try editor.changeValue(of: 1)
            try editor.changeValue(of: last / 2)
            try editor.changeValue(of: last - 1)
            try editor.edit("\(StoreSession.path)/tree/places") { $0[4100] ^= 1 }
        }
    }
}
