import Dispatch
import POSIX
import StorageIO
import Synchronization
import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

func pause(milliseconds: UInt32) { usleep(milliseconds * 1000) }

/// Runs `body`. Ends the process if that takes longer than `seconds`, since a hang is a failure and
/// nothing else ends it.
func limited<Value>(
    _ what: @autoclosure () -> String, seconds: Int = 60, _ body: () throws -> Value
) rethrows -> Value {
    let name = what()
    let alarm = DispatchWorkItem {
        fatalError("hangs for \(seconds) s: \(name)")
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds), execute: alarm)
    defer { alarm.cancel() }
    return try body()
}

/// Runs `body` for each case, on several threads of its own. Swift's threads are few, and tests of
/// other suites would wait for them.
func onThreads<Case: Sendable>(
    _ cases: [Case], _ body: @escaping @Sendable (Case) -> Void
) async throws {
    let next = Atomic(0)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<max(1, Settings.threadCount) {
            let (ends, end) = AsyncStream<Void>.makeStream()
            let thread = try WorkerThread(name: "course") {
                while true {
                    let place = next.add(1, ordering: .relaxed).oldValue
                    guard place < cases.count else { break }
                    body(cases[place])
                }
                end.finish()
            }
            group.addTask {
                for await _ in ends {}
                thread.join()
            }
        }
        try await group.waitForAll()
    }
}

/// Collects failures, one report for each kind, so that one bug does not give a thousand reports;
/// and counts the outcomes of the cases.
final class Outcomes: Sendable {
    private struct State {
        var failures: [String: (count: Int, example: String)] = [:]
        var counts: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now

    func count(_ outcome: String, _ number: Int = 1) {
        state.withLock { $0.counts[outcome, default: 0] += number }
    }

    /// - Parameter context: the values that repeat the case, and what is known about it.
    func check(_ kind: String, _ context: @autoclosure () -> String, _ body: () throws -> Void) {
        do {
            try limited(kind, body)
        } catch {
            let code = (error as? StoreError).map { "\($0.code): " } ?? ""
            // Numbers differ from case to case.
            let text = "\(kind): \(code)" + "\(error)".filter { !$0.isNumber }
            let example = "\(code)\(error)\n\(context())"
            state.withLock { $0.failures[text, default: (0, example)].count += 1 }
        }
    }

    /// Prints the counts, and records an issue for each kind of failure.
    func report(_ title: String) {
        let (failures, counts) = state.withLock { ($0.failures, $0.counts) }
        let list = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
        print("\(title): \(list.joined(separator: ", ")); \(Int(milliseconds)) ms")
        for (kind, found) in failures.sorted(by: { $0.key < $1.key }) {
            Issue.record("\(found.count) times \(kind)\nfor example \(found.example)")
        }
    }
}

/// The settings from the environment: `IMMUDB_EXHAUSTIVE=1` runs all cases instead of a sample,
/// `IMMUDB_SAMPLES` a larger sample, `IMMUDB_THREADS` that many courses at a time. `SeedTests`
/// reads the others.
enum Settings {
    static let isExhaustive = number("IMMUDB_EXHAUSTIVE") == 1
    /// The factor by which there are more cases than by default.
    static let sampleFactor = number("IMMUDB_SAMPLES") ?? 1
    static let threadCount = number("IMMUDB_THREADS") ?? 2
    static let seedCount = number("IMMUDB_SEEDS")
    static let firstSeed = number("IMMUDB_FIRST_SEED")
    static let onlySeed = number("IMMUDB_SEED")

    private static func number(_ name: String) -> Int? {
        getenv(name).flatMap { Int(String(cString: $0)) }
    }
}

/// Returns elements at equal distances, or all of them in an exhaustive run.
func sample<Element>(_ elements: [Element], aiming defaultCount: Int) -> [Element] {
    let count = defaultCount * Settings.sampleFactor
    guard !Settings.isExhaustive, elements.count > count else { return elements }
    return (0..<count).map { elements[$0 * elements.count / count] }
}
