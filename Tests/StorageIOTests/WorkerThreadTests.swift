import Foundation
import StorageIO
import Synchronization
import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

struct WorkerThreadTests {
    @Test("waits for the end of what a thread runs")
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
        @Test("a thread that nobody waits for leaves no memory behind")
        func notJoined() throws {
            let before = mappingCount()
            #expect(before > 0)
            for _ in 0..<1000 {
                let isDone = Shared(false)
                _ = try WorkerThread(name: "short") {
                    isDone.value.store(true, ordering: .releasing)
                }
                while !isDone.value.load(ordering: .acquiring) { usleep(10) }
            }
            // A stack that stays is two mappings; other tests' threads are some, too.
            #expect(mappingCount() - before < 500)
        }

        /// How many pieces the memory of this process consists of.
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
