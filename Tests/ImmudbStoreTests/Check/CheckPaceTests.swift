import MerkleTree
import Testing

@testable import ImmudbStore

@Suite("The pace of the self-check")
struct CheckPaceTests {
    private let byItself = CheckPace(entriesPerSecond: nil)

    private func pause(
        _ pace: CheckPace, _ entryCount: Int, size: UInt64, work: Duration = .zero,
        computing: Duration = .zero
    ) -> Duration {
        pace.pause(
            after: entryCount, of: TreeSize(size), time: work, processorTime: computing)
    }

    @Test("is what it was told, less the time that the work took")
    func told() {
        let pace = CheckPace(entriesPerSecond: 1000)
        #expect(pause(pace, 100, size: 5) == .milliseconds(100))
        #expect(pause(pace, 100, size: 5, work: .milliseconds(30)) == .milliseconds(70))
        #expect(pause(pace, 100, size: 5, work: .seconds(1), computing: .seconds(1)) == .zero)
    }

    @Test("is by itself at least 100 entries a second")
    func floor() {
        #expect(pause(byItself, 100, size: 1) == .seconds(1))
        #expect(pause(byItself, 100, size: 51_000_000) == .seconds(1))
    }

    @Test(
        "is by itself through within a week", arguments: [100_000_000, 1_000_000_000] as [UInt64])
    func week(size: UInt64) {
        let block = pause(byItself, 1024, size: size)
        let round = block * Int(BlockCheck.count(in: TreeSize(size)))
        #expect(round > .seconds(5 * 24 * 3600) && round < .seconds(7 * 24 * 3600))
    }

    @Test("is by itself within a fiftieth of a processor, however large entries are")
    func share() {
        for computing in [Duration.microseconds(300), .milliseconds(5), .seconds(2)] {
            let rest = pause(byItself, 1, size: 1 << 40, work: computing, computing: computing)
            #expect(computing / (computing + rest) <= 0.02)
        }
    }
}
