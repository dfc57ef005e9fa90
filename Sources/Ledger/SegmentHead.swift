import MerkleTree
import StorageIO

/// The content of a segment's head. See `docs/format.md`.
struct SegmentHead {
    let identity: DatabaseIdentity
    let number: UInt32
    let firstIndex: EntryIndex
    let rootBefore: Digest

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
