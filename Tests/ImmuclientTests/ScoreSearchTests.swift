import Testing

@testable import immuclient

@Suite("The search for scores")
struct ScoreSearchTests {
    @Test("orders ranks like their numbers, and converts them back")
    func ranks() {
        let numbers: [Double] = [
            -.infinity, -1e300, -2.5, -1, -.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude, 1,
            1.0.nextUp, 2.5, 1e300, .infinity,
        ]
        #expect(numbers.map(\.rank) == numbers.map(\.rank).sorted())
        #expect(numbers.map { Double(rank: $0.rank) } == numbers)
        #expect((1.0).rank + 1 == (1.0).nextUp.rank)
    }

    @Test("ends its bisection, and finds numbers of few digits in few steps")
    func steps() {
        for (number, most) in [
            (0, 1), (1, 25), (-7.0, 30), (0.1, 30), (99.95, 40), (1e300, 30), (.infinity, 200),
            (0.1 + 0.2, 200), (.leastNonzeroMagnitude, 200), (-1234567.8901234, 200),
        ] as [(Double, Int)] {
            var bounds = (-Double.infinity).rank...Double.infinity.rank
            var count = 1
            while bounds.middle != number.rank {
                let middle = bounds.middle
                bounds =
                    middle < number.rank
                    ? middle + 1...bounds.upperBound : bounds.lowerBound...middle - 1
                count += 1
            }
            #expect(count <= most, "\(number)")
        }
    }
}
