import Foundation
import POSIX
import Synchronization
import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

struct WorkerThreadTests {
    @Test("waits for the end of the thread's function")
    func join() throws {
        let isDone = Shared(false)
        let thread = try WorkerThread(name: "slow") {
            usleep(50_000)
            isDone.value.store(true, ordering: .releasing)
        }
        thread.join()
        let hasRun = isDone.value.load(ordering: .acquiring)
        #expect(hasRun)
    }

    #if os(Linux)
        @Test("leaves no memory behind if nobody waits for it")
        func notJoined() throws {
            // A leaked stack is two mappings, 2,000 in each round. Other tests create mappings,
            // too: one round without growth is sufficient.
            var growths: [Int] = []
            repeat {
                let before = mappingCount()
                try #require(before > 0)
                for _ in 0..<1000 {
                    let isDone = Shared(false)
                    _ = try WorkerThread(name: "short") {
                        isDone.value.store(true, ordering: .releasing)
                    }
                    while !isDone.value.load(ordering: .acquiring) { usleep(10) }
                }
                growths.append(mappingCount() - before)
            } while growths.allSatisfy { $0 >= 500 } && growths.count < 5
            #expect(growths.contains { $0 < 500 }, "\(growths)")
        }

        /// Returns the number of mappings in this process's memory.
        private func mappingCount() -> Int {
            let maps = FileHandle(forReadingAtPath: "/proc/self/maps")
            return (try? maps?.readToEnd())?.count { $0 == UInt8(ascii: "\n") } ?? 0
        }
    #endif
}

/// A flag that outlives the thread that sets it.
private final class Shared: Sendable {
    let value: Atomic<Bool>
    init(_ value: Bool) { self.value = Atomic(value) }
}
