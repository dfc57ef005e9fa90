import KeyIndex
import MerkleTree

/// A keyed hash of a record of the key index, SipHash-2-4, and sums of such hashes.
///
/// Two sets of records are equal if their sums are: the ledger's entries and the records of the index are compared by
/// one sequential pass over each, without a look-up. The key is random, so nobody can prepare records whose sums agree.
enum RecordHash {
    struct Key: Codable, Hashable, Sendable {
        var first: UInt64
        var second: UInt64

        static func random() -> Key {
            Key(first: .random(in: 0 ... .max), second: .random(in: 0 ... .max))
        }
    }

    /// Returns the hash of an entry's record.
    static func hash(
        _ name: UnsafeRawBufferPointer, isMember: Bool, _ address: RecordAddress, key: Key
    ) -> UInt64 {
        var sip = SipHash(key)
        sip.add(name)
        sip.add(address.index.rawValue)
        sip.add(address.position)
        sip.add(UInt64(address.length) << 16 | UInt64(address.kind) << 8 | (isMember ? 1 : 0))
        return sip.end()
    }

    /// SipHash-2-4 of Aumasson and Bernstein, over words.
    struct SipHash {
        private var v0, v1, v2, v3: UInt64

        init(_ key: Key) {
            v0 = key.first ^ 0x736f_6d65_7073_6575
            v1 = key.second ^ 0x646f_7261_6e64_6f6d
            v2 = key.first ^ 0x6c79_6765_6e65_7261
            v3 = key.second ^ 0x7465_6462_7974_6573
        }

        /// Adds bytes as the whole message of SipHash: their words, then the rest with their number.
        @inline(__always)
        mutating func add(_ bytes: UnsafeRawBufferPointer) {
            let whole = bytes.count & ~7
            var place = 0
            while place < whole {
                add(
                    UInt64(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
                place += 8
            }
            var last = UInt64(bytes.count & 0xFF) << 56
            while place < bytes.count {
                last |= UInt64(bytes[place]) << UInt64(8 * (place - whole))
                place += 1
            }
            add(last)
        }

        @inline(__always)
        mutating func add(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        @inline(__always)
        mutating func end() -> UInt64 {
            v2 ^= 0xFF
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        @inline(__always)
        private mutating func round() {
            v0 &+= v1
            v1 = Self.rotated(v1, 13) ^ v0
            v0 = Self.rotated(v0, 32)
            v2 &+= v3
            v3 = Self.rotated(v3, 16) ^ v2
            v0 &+= v3
            v3 = Self.rotated(v3, 21) ^ v0
            v2 &+= v1
            v1 = Self.rotated(v1, 17) ^ v2
            v2 = Self.rotated(v2, 32)
        }

        @inline(__always)
        private static func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 {
            word << count | word >> (64 - count)
        }
    }
}

/// The records of the entries of one segment, as a number and a sum of hashes.
struct RecordSum: Codable, Hashable, Sendable {
    private(set) var count: UInt64 = 0
    private(set) var sum: UInt64 = 0

    mutating func add(_ hash: UInt64) {
        count += 1
        sum &+= hash
    }
}
