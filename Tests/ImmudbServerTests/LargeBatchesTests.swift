import Synchronization
import Testing

@testable import ImmudbServer

@Suite("Large batches on their way into the database")
struct LargeBatchesTests {
    private typealias End = @Sendable () -> Void

    /// Batches that have had their turn, and what ends them.
    private final class Started: Sendable {
        private let ends = Mutex<[(number: Int, end: End)]>([])

        var numbers: [Int] { ends.withLock { $0.map(\.number) } }

        func begin(_ number: Int, in batches: LargeBatches) -> LargeBatches.Waiting {
            batches.run { ended in self.ends.withLock { $0.append((number, ended)) } }
        }

        func end(_ number: Int) {
            let end = ends.withLock { ends in ends.first { $0.number == number }?.end }
            end?()
        }
    }

    @Test("one is in the database, and the next has its turn when it has ended")
    func turns() async throws {
        let (batches, started) = (LargeBatches(), Started())
        for number in 0..<3 { _ = started.begin(number, in: batches) }
        #expect(started.numbers == [0])
        started.end(0)
        #expect(try await eventually { started.numbers == [0, 1] })
        started.end(1)
        #expect(try await eventually { started.numbers == [0, 1, 2] })
        started.end(2)
        // All have ended: the next one starts at once.
        for number in 3..<5 { _ = started.begin(number, in: batches) }
        #expect(started.numbers == [0, 1, 2, 3])
    }

    @Test("one that is given up frees what it holds at once, and is passed over")
    func givenUp() async throws {
        final class Entries: Sendable {}
        let (batches, started) = (LargeBatches(), Started())
        _ = started.begin(0, in: batches)
        weak var held: Entries?
        let waiting: LargeBatches.Waiting
        do {
            let entries = Entries()
            held = entries
            waiting = batches.run { ended in
                withExtendedLifetime(entries) {}
                ended()
            }
        }
        #expect(held != nil)
        waiting.giveUp()
        #expect(held == nil)
        _ = started.begin(3, in: batches)
        started.end(0)
        #expect(try await eventually { started.numbers == [0, 3] })
    }

    private func eventually(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<1_000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        return condition()
    }
}
