import MerkleTree

extension TrustedRoot {
    /// The root as protobuf encodes the message `Root` without its signature: field 1, the last index, left out if 0;
    /// field 2, the 32 bytes of the root. Empty for an empty tree. This is what a server signs.
    package var wireBytes: [UInt8] {
        guard let lastIndex = size.lastIndex else { return [] }
        // Encoded by hand, since that cannot fail.
        var bytes: [UInt8] = []
        var rest = lastIndex.rawValue
        if rest > 0 {
            bytes.append(0x08)
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        return bytes + [0x12, UInt8(Digest.byteCount)] + root.bytes
    }
}
