package import MerkleTree
package import StorageIO

extension LedgerInspection {
    /// Passes the valid frames of a segment to `body`, in the order of the file; damage between them is passed over.
    package func forEachValidFrame(
        of segment: Segment, identity: DatabaseIdentity,
        _ body: (borrowing FrameView) throws(StoreError) -> Void
    ) throws(StoreError) {
        var reader = try reader(of: segment, identity: identity, firstIndex: EntryIndex(0))
        while true {
            do throws(StoreError) {
                if let frame = try reader.next() {
                    if frame.end != nil { try body(frame) }
                    continue
                }
            } catch {
                // A frame of an unknown type is passed over as well.
                guard error.code == .incompatibleFormat else { throw error }
            }
            guard try reader.skipDamage(expecting: EntryIndex(0)) != nil else { return }
        }
    }

    /// Reads single records of the segments, at any position.
    package final class Records {
        private let directory: String
        private let identity: DatabaseIdentity
        private let files: SegmentFiles
        private var segments: [UInt32: Ledger.OneSegment] = [:]
        /// The segments that can be read.
        private let numbers: Set<UInt32>

        package init(_ inspection: LedgerInspection, identity: DatabaseIdentity) {
            directory = inspection.directory
            self.identity = identity
            numbers = Set(
                inspection.segments.compactMap { $0.isFile ? $0.number : nil })
            files = SegmentFiles(fileSystem: inspection.fileSystem, capacity: 16)
        }

        /// Returns an entry; nil if no whole record of it is at the position.
        package func entry(
            _ index: EntryIndex, at position: EntryPosition, byteCount: Int
        ) throws(StoreError) -> LedgerEntry? {
            guard numbers.contains(position.segment) else { return nil }
            do throws(StoreError) {
                return try segment(position.segment).readEntry(
                    index, at: position, byteCount: max(byteCount, EntryHeader.byteCount))
            } catch {
                if error.code == .corruption { return nil }
                throw error
            }
        }

        private func segment(_ number: UInt32) -> Ledger.OneSegment {
            if let known = segments[number] { return known }
            let head = SegmentHead(
                identity: identity, number: number, firstIndex: EntryIndex(0),
                rootBefore: .emptyTree)
            let segment = Ledger.OneSegment(
                head, path: "\(directory)/\(Ledger.segmentName(number))", files: files)
            segments[number] = segment
            return segment
        }
    }
}

extension Ledger {
    /// `Segment`, where ``LedgerInspection/Segment`` hides the name.
    typealias OneSegment = Segment
}
