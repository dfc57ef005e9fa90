import StorageIO
import Synchronization

/// The files of complete segments that are open for reading: at most `capacity` at a time, however many segments there
/// are. A ledger of 1 TB has 8,192 of them.
///
/// The file to close is one that was not used for a while (the clock algorithm): files are checked in a circle, and one
/// that was used since the last check is spared once. A reader that still uses a closed file keeps it open until it is
/// done. The newest segment is not counted: its writer keeps it open.
final class SegmentFiles: Sendable {
    /// A weak reference: a segment owns its file, so that all files are closed with their ledger.
    private struct OpenFile {
        weak var segment: Segment?
    }

    private let fileSystem: any FileSystem
    private let capacity: Int
    /// The files in the order in which they are checked next.
    private let open = Mutex<[OpenFile]>([])

    init(fileSystem: any FileSystem, capacity: Int) {
        self.fileSystem = fileSystem
        self.capacity = max(1, capacity)
    }

    /// Opens a segment for reading.
    ///
    /// If this process has no descriptor left, another segment's file is closed.
    func open(_ segment: Segment) throws(StoreError) -> any StorageFile {
        let file: any StorageFile
        do throws(StoreError) {
            file = try fileSystem.open(segment.path, .readOnly)
        } catch {
            guard error.code == .noDescriptors, open.withLock({ Self.closeOne(&$0) }) else {
                throw error
            }
            file = try fileSystem.open(segment.path, .readOnly)
        }
        return add(segment, file)
    }

    /// Counts the file of a segment that its writer has completed.
    func add(_ segment: Segment, _ file: any StorageFile) -> any StorageFile {
        open.withLock { open in
            let (kept, isNew) = segment.openFile.withLock { current in
                // Another thread may have opened it first.
                let isNew = current == nil || current === file
                let kept = current ?? file
                current = kept
                return (kept, isNew)
            }
            if isNew { open.append(OpenFile(segment: segment)) }
            while open.count > capacity, Self.closeOne(&open) {}
            return kept
        }
    }

    /// Stops counting a segment, whose writer keeps it open from now on.
    func forget(_ segment: Segment) {
        open.withLock { open in open.removeAll { $0.segment === segment } }
    }

    /// Closes the first file in the circle that was not used.
    /// - Returns: false if there is no file to close.
    private static func closeOne(_ open: inout [OpenFile]) -> Bool {
        guard !open.isEmpty else { return false }
        var sparedCount = 0
        while sparedCount < open.count,
            open[0].segment?.wasUsed.exchange(false, ordering: .relaxed) == true
        {
            open.append(open.removeFirst())
            sparedCount += 1
        }
        open.removeFirst().segment?.openFile.withLock { $0 = nil }
        return true
    }
}
