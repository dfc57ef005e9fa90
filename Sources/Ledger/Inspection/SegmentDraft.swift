package import MerkleTree
package import StorageIO

/// A segment that is written again beside the damaged one, and takes its place by a rename: at any moment the folder has
/// either the old one or the new one.
///
/// The draft has the name of a segment that was never finished, so that an opening removes it.
package final class SegmentDraft {
    package let head: SegmentHead
    package let path: String
    private let target: String
    private let directory: String
    private let fileSystem: any FileSystem
    /// nil once everything is written: a ledger may have more segments than a process may have open files.
    private var file: (any StorageFile)?
    private let buffer = FrameBuffer()
    private var offset = SegmentHeader.byteCount
    /// The number of bytes so far.
    package var byteCount: Int { offset }
    private var isInPlace = false

    /// Creates the file and writes its head.
    package init(
        head: SegmentHead, directory: String, fileSystem: any FileSystem
    ) throws(StoreError) {
        self.head = head
        self.directory = directory
        self.fileSystem = fileSystem
        target = "\(directory)/\(Segment.name(head.number))"
        path = target + SegmentDirectory.unfinishedSuffix
        try fileSystem.removeFile(path)
        let file = try fileSystem.open(path, .createNew)
        self.file = file
        try file.write(head.bytes, at: 0)
    }

    deinit {
        // What is left, an opening removes.
        if !isInPlace { try? fileSystem.removeFile(path) }
    }

    /// Appends a frame as it is. At another offset than its own, it gets new checksums.
    package func append(_ frame: borrowing FrameView) throws(StoreError) {
        try checkLength(frame.bytes.count)
        var bytes = Array(frame.bytes)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.put(
                UInt32(min(frame.synchronizedOffset, offset)), at: FrameHeader.synchronizedOffset)
            let address = FrameAddress(
                identity: head.identity, segment: head.number, offset: offset)
            let payload = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount...])
            bytes.put(address.checksum(payload), at: FrameHeader.payloadChecksumOffset)
            let covered = UnsafeRawBufferPointer(rebasing: bytes[..<FrameHeader.checksumOffset])
            bytes.put(address.checksum(covered), at: FrameHeader.checksumOffset)
        }
        try file?.write(bytes, at: UInt64(offset))
        offset += bytes.count
    }

    /// Appends a frame with entries.
    ///
    /// - Parameter root: the root after the last of them.
    package func append(
        _ entries: [LedgerEntry], root: Digest, timeMicroseconds: Int64
    ) throws(StoreError) {
        guard let first = entries.first else { return }
        let payloadByteCount = FrameBuffer.payloadByteCount(
            keyAndValueByteCount: entries.reduce(0) { $0 + $1.key.count + $1.value.count },
            entryCount: entries.count)
        try checkLength(FrameHeader.byteCount + payloadByteCount)
        buffer.begin(
            firstIndex: first.index,
            at: EntryPosition(
                segment: head.number, offset: UInt32(offset + FrameHeader.byteCount)),
            payloadByteCount: payloadByteCount)
        for entry in entries {
            entry.key.withUnsafeBytes { key in
                entry.value.withUnsafeBytes { value in
                    _ = buffer.add(
                        kind: entry.kind, key: key, value: value, isEndOfBatch: entry.isEndOfBatch)
                }
            }
        }
        buffer.end(root: root)
        let result = buffer.withFrame(
            type: .entries, identity: head.identity, timeMicroseconds: timeMicroseconds,
            synchronizedOffset: UInt32(offset)
        ) { bytes in
            Result { () throws(StoreError) -> Int in
                try file?.write(bytes, at: UInt64(offset))
                return bytes.count
            }
        }
        offset += try result.get()
    }

    private func checkLength(_ byteCount: Int) throws(StoreError) {
        guard offset + byteCount <= Int(Ledger.Options.maximumSegmentByteCount) else {
            throw StoreError(
                .tooLarge,
                "\(target) would be longer than \(Ledger.Options.maximumSegmentByteCount) bytes")
        }
    }

    /// Makes the draft durable, closes it, and describes it as a segment to check. Nothing may be appended after that.
    package func finish() throws(StoreError) -> LedgerInspection.Segment {
        try file?.synchronize()
        file = nil
        return LedgerInspection.Segment(
            number: head.number, path: path, byteCount: UInt64(offset), state: .readable(head))
    }

    /// Puts the draft into the place of the segment, durably, after ``finish()``.
    ///
    /// - Throws: the operating system's error: the folder then has the old segment or the new one.
    package func replace() throws(StoreError) {
        try fileSystem.rename(path, to: target)
        isInPlace = true
        try fileSystem.synchronizeDirectory(directory)
    }
}
