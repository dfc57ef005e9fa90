/// An entry about a fictitious client, made from its position alone: it is the same in every run.
struct SampleEntry: Hashable {
    let key: String
    let value: String

    /// - Parameter position: counts from 0. At even positions the client is a woman. The keys of
    ///   the first `SampleNames.distinctCount` positions differ, then they repeat.
    init(position: Int) {
        var random = SplitMix64(seed: UInt64(position))
        let name = SampleNames.name(at: position, &random)
        let card = SampleCard(&random)
        key = "client:\(name)"
        value = "card:\(card.type) \(card.number) \(card.expiry)"
    }
}

/// A fictitious credit card.
struct SampleCard {
    let type: String
    /// The number, with a check digit. It is in a range from which the payment systems give their
    /// test numbers.
    let number: String
    let expiry: String

    /// The prefixes of the test numbers in every payment system's manual, and the length of a whole
    /// number.
    private static let kinds = [
        (type: "Visa", prefix: "4242424242", digitCount: 16),
        (type: "MasterCard", prefix: "5555555555", digitCount: 16),
        (type: "Discover", prefix: "6011111111", digitCount: 16),
        (type: "Amex", prefix: "3782822463", digitCount: 15),
    ]

    init(_ random: inout SplitMix64) {
        let kind = Self.kinds[Int.random(in: Self.kinds.indices, using: &random)]
        type = kind.type
        var digits = kind.prefix
        while digits.count < kind.digitCount - 1 {
            digits += String(Int.random(in: 0...9, using: &random))
        }
        number = digits + String(Self.checkDigit(of: digits))
        let month = Int.random(in: 1...12, using: &random)
        let year = Int.random(in: 30...34, using: &random)
        expiry = (month < 10 ? "0" : "") + "\(month)/\(year)"
    }

    /// Returns the digit that makes a number valid (Luhn; ISO/IEC 7812-1, annex B).
    static func checkDigit(of digits: String) -> Int {
        var sum = 0
        for (position, digit) in digits.reversed().compactMap(\.wholeNumberValue).enumerated() {
            // The check digit follows, so the last digit is doubled.
            let weighted = position.isMultiple(of: 2) ? digit * 2 : digit
            sum += weighted > 9 ? weighted - 9 : weighted
        }
        return (10 - sum % 10) % 10
    }
}

/// Pseudorandom numbers that depend on the seed alone, on every system (Steele, Lea, Flood: Fast
/// splittable pseudorandom number generators, 2014).
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
