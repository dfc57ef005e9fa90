package import MerkleTree
package import StorageIO

/// The segments of a ledger that is read to check it: nothing is refused, nothing is changed.
///
/// Use it while no ``Ledger`` is open in the folder.
package struct LedgerInspection: Sendable {
    /// A segment that the folder has, or that it lacks although a later one exists.
    package struct Segment: Sendable {
        package let number: UInt32
        package let path: String
        package let byteCount: UInt64
        package let state: State

        package var isReadable: Bool { if case .readable = state { true } else { false } }

        /// Whether there is a file of this database whose frames can be read.
        package var isFile: Bool {
            switch state {
            case .readable, .unreadable: true
            case .missing, .foreign, .occupied: false
            }
        }
    }

    package enum State: Sendable {
        case readable(SegmentHead)
        case missing
        /// The head is damaged, or of a format that this version does not read.
        case unreadable(StoreError)
        /// The file belongs to another database.
        case foreign(DatabaseIdentity)
        /// Something else than a file has the name, such as a pipe or a folder.
        case occupied(StoreError)
    }

    package let directory: String
    /// The identity in the first head that is whole; nil if there is none.
    package let identity: DatabaseIdentity?
    /// All segments in order, without a gap in their numbers.
    package let segments: [Segment]
    let fileSystem: any FileSystem

    /// Lists the segments and reads their heads.
    ///
    /// - Parameter identity: the identity that the segments should have; nil: that of the first whole head.
    /// - Throws: the operating system's errors.
    package init(
        directory: String, identity: DatabaseIdentity? = nil, fileSystem: any FileSystem
    ) throws(StoreError) {
        self.directory = directory
        self.fileSystem = fileSystem
        let found = Set(
            try fileSystem.names(inDirectory: directory).compactMap(Ledger.segmentNumber))
        // A name with a huge number makes no list of as many missing segments.
        let last = found.max().map { min($0, UInt32(4 * found.count + 1024)) }
        var segments: [Segment] = []
        var identity = identity
        for number in last.map({ Array(0...$0) }) ?? [] {
            let path = "\(directory)/\(Ledger.segmentName(number))"
            guard found.contains(number) else {
                segments.append(
                    Segment(number: number, path: path, byteCount: 0, state: .missing))
                continue
            }
            let file: any StorageFile
            do throws(StoreError) {
                file = try fileSystem.open(path, .readOnly)
            } catch  where error.code == .corruption {
                segments.append(
                    Segment(number: number, path: path, byteCount: 0, state: .occupied(error)))
                continue
            }
            let byteCount = try file.byteCount()
            let state = try Self.state(of: file, number, &identity)
            segments.append(
                Segment(number: number, path: path, byteCount: byteCount, state: state))
        }
        self.segments = segments
        self.identity = identity
    }

    private static func state(
        of file: any StorageFile, _ number: UInt32, _ identity: inout DatabaseIdentity?
    ) throws(StoreError) -> State {
        let bytes = try file.read(byteCount: SegmentHeader.byteCount, at: 0)
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(StoreError) in
                try SegmentHead(decoding: bytes, file.path, number)
            }
        }
        switch result {
        case .failure(let error): return .unreadable(error)
        case .success(let head):
            guard head.identity == identity ?? head.identity else { return .foreign(head.identity) }
            identity = head.identity
            return .readable(head)
        }
    }

    /// Returns the index of the first entry after a segment; nil if it is not known.
    ///
    /// The head of the next segment states it. Of a segment that holds nothing, the entries up to the next whole head are
    /// gone.
    package func end(of segment: Segment) -> EntryIndex? {
        let later = segments.dropFirst(Int(segment.number) + 1)
        if segment.isFile {
            guard case .readable(let head)? = later.first?.state else { return nil }
            return head.firstIndex
        }
        for next in later {
            if case .readable(let head) = next.state { return head.firstIndex }
        }
        return nil
    }

    /// Describes the segment with a number as one that is not there.
    package func missingSegment(_ number: UInt32) -> Segment {
        Segment(
            number: number, path: "\(directory)/\(Ledger.segmentName(number))", byteCount: 0,
            state: .missing)
    }

    /// Opens a segment to read its frames.
    ///
    /// - Parameter firstIndex: the index of its first entry.
    package func reader(
        of segment: Segment, identity: DatabaseIdentity, firstIndex: EntryIndex
    ) throws(StoreError) -> SegmentReader {
        try SegmentReader(
            path: segment.path,
            head: SegmentHead(
                identity: identity, number: segment.number, firstIndex: firstIndex,
                rootBefore: .emptyTree),
            fileSystem: fileSystem)
    }
}

extension Ledger {
    /// Returns the name of a segment's file.
    package static func segmentName(_ number: UInt32) -> String { Segment.name(number) }

    /// Returns the number of the segment whose file has a name; nil if no segment has it.
    package static func segmentNumber(_ name: String) -> UInt32? { Segment.number(ofName: name) }
}
