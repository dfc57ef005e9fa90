/// The numbers 0 ..< `count` in a random order that follows from a seed, computed without a table: a permutation of any
/// size in a few bytes of memory, which can be continued at any place.
///
/// A Feistel network of four rounds over the smallest even number of bits that hold all numbers; a number beyond them
/// is passed through again until it is one of them, which takes less than four passes on average.
struct BlockOrder: Sendable {
    private static let roundCount: UInt64 = 4

    let count: UInt64
    private let seed: UInt64
    private let halfBitCount: UInt64

    init(count: UInt64, seed: UInt64) {
        self.count = count
        self.seed = seed
        let bitCount = UInt64(UInt64.bitWidth - (max(count, 2) - 1).leadingZeroBitCount)
        halfBitCount = (bitCount + 1) / 2
    }

    /// Returns the number at a place of the order.
    ///
    /// - Precondition: the place is below `count`.
    subscript(place: UInt64) -> UInt64 {
        precondition(place < count, "place \(place) of \(count)")
        var number = place
        repeat { number = permuted(number) } while number >= count
        return number
    }

    private func permuted(_ number: UInt64) -> UInt64 {
        let mask: UInt64 = (1 << halfBitCount) - 1
        var (left, right) = (number >> halfBitCount, number & mask)
        for round in 0..<Self.roundCount {
            (left, right) = (right, left ^ (mixed(right, round) & mask))
        }
        return left << halfBitCount | right
    }

    /// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014) over the seed, the round and half of a number.
    private func mixed(_ half: UInt64, _ round: UInt64) -> UInt64 {
        var value = seed &+ (half &* Self.roundCount &+ round &+ 1) &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
