package import MerkleTree
package import StorageIO

/// The content of a segment's head. See `docs/format.md`.
package struct SegmentHead: Sendable {
    package let identity: DatabaseIdentity
    package let number: UInt32
    package let firstIndex: EntryIndex
    package let rootBefore: Digest

    package init(
        identity: DatabaseIdentity, number: UInt32, firstIndex: EntryIndex, rootBefore: Digest
    ) {
        self.identity = identity
        self.number = number
        self.firstIndex = firstIndex
        self.rootBefore = rootBefore
    }

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        bytes.withUnsafeMutableBytes { header in
            header.put(SegmentHeader.magic, at: SegmentHeader.magicOffset)
            header.put(SegmentHeader.version, at: SegmentHeader.versionOffset)
            UnsafeMutableRawBufferPointer(rebasing: header[SegmentHeader.identityOffset...])
                .copyBytes(from: identity.bytes)
            header.put(number, at: SegmentHeader.numberOffset)
            header.put(firstIndex.rawValue, at: SegmentHeader.firstIndexOffset)
            rootBefore.store(to: header.baseAddress! + SegmentHeader.rootOffset)
            header.put(
                CRC32C.checksum(
                    UnsafeRawBufferPointer(rebasing: header[..<SegmentHeader.checksumOffset])),
                at: SegmentHeader.checksumOffset)
        }
        return bytes
    }
}

extension SegmentHead {
    /// Decodes and checks the head of the segment `number`.
    ///
    /// - Throws: `corruption`; `incompatibleFormat`.
    init(
        decoding header: UnsafeRawBufferPointer, _ path: String, _ number: UInt32
    ) throws(StoreError) {
        guard header.count == SegmentHeader.byteCount,
            header.number(UInt64.self, at: SegmentHeader.magicOffset) == SegmentHeader.magic
        else {
            throw StoreError(
                .corruption,
                "\(path), byte 0: not a segment of a ledger, or its head is damaged. "
                    + "Restore the file from a backup")
        }
        let version = header.number(UInt32.self, at: SegmentHeader.versionOffset)
        guard version == SegmentHeader.version else {
            throw StoreError(
                .incompatibleFormat,
                "\(path) has format version \(version), and this program reads version "
                    + "\(SegmentHeader.version). Open it with the version that wrote it")
        }
        guard
            CRC32C.checksum(
                UnsafeRawBufferPointer(rebasing: header[..<SegmentHeader.checksumOffset]))
                == header.number(UInt32.self, at: SegmentHeader.checksumOffset),
            header.number(UInt32.self, at: SegmentHeader.numberOffset) == number,
            let identity = DatabaseIdentity(
                header[
                    SegmentHeader.identityOffset..<SegmentHeader.identityOffset
                        + DatabaseIdentity.byteCount]),
            let firstIndex = TreeSize(
                rawValue: header.number(UInt64.self, at: SegmentHeader.firstIndexOffset))?.nextIndex
        else {
            throw StoreError(
                .corruption,
                "\(path), byte 0: the segment's head is damaged. Restore the file from "
                    + "a backup")
        }
        self.init(
            identity: identity, number: number, firstIndex: firstIndex,
            rootBefore: Digest(loadingFrom: header.baseAddress! + SegmentHeader.rootOffset))
    }
}
