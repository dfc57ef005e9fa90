import Foundation
import HexEditor
import POSIX
import StorageIO
import Synchronization
import TestTools

@testable import ImmudbStore

/// A clock that a test drives: each wait moves it, and takes no time.
final class TestClock: Sendable {
    private struct State {
        var now = Duration.seconds(1_000_000)
        var processorTime = Duration.zero
        var end = Duration.zero
    }

    private let state = Mutex(State())

    var now: Duration { state.withLock { $0.now } }

    /// The clock of a check that is over when `duration` has passed.
    func check(lasting duration: Duration) -> CheckClock {
        state.withLock { $0.end = $0.now + duration }
        return CheckClock(
            now: { self.now },
            processorTime: { self.state.withLock { $0.processorTime } },
            seconds: { self.now.components.seconds },
            wait: { pause, isOver in
                let isAtEnd = self.state.withLock { state in
                    state.now += pause
                    return state.now >= state.end
                }
                if isAtEnd { isOver.change { $0 = true } }
                return isOver.read { $0 }
            })
    }
}

extension Database {
    /// Runs a self-check on the calling thread until it has taken `duration` by its clock.
    @discardableResult
    func check(
        lasting duration: Duration, entriesPerSecond: Int? = 1000, clock: TestClock = TestClock()
    ) -> SelfCheck {
        let check = SelfCheck(
            storage: storage, options: SelfCheckOptions(entriesPerSecond: entriesPerSecond),
            clock: clock.check(lasting: duration)
        ) { self.snapshot }
        check.run()
        return check
    }

    /// Makes a database of `count` entries, closed, in one segment unless `isSplit`.
    static func fill(
        _ folder: TemporaryFolder, _ count: Int, isSplit: Bool = false
    ) async throws {
        let database = isSplit ? try open(in: folder) : try openInOneSegment(folder)
        for first in stride(from: 0, to: count, by: 500) {
            try await database.setBatch(
                (first..<min(first + 500, count)).map {
                    NewEntry(key: bytes("key \($0 % 2000)"), value: bytes("value \($0)"))
                })
        }
        try database.close()
    }

    static func openInOneSegment(
        _ folder: TemporaryFolder, log: LogLines = LogLines(),
        fileSystem: any FileSystem = POSIXFileSystem()
    ) throws -> Database {
        var options = Options()
        options.log = log.sink
        options.fileSystem = fileSystem
        return try open(at: folder.path, options: options)
    }
}
