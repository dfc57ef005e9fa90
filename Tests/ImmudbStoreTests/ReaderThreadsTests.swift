import Dispatch
import OwnThread
import Synchronization
import Testing

@testable import ImmudbStore

@Suite("Threads for the reads of tasks", .ownThread)
struct ReaderThreadsTests {
    @Test("do not delay other reads for one that blocks while a thread is idle")
    func blockedRead() throws {
        let threads = try ReaderThreads(count: 2)
        let (mayEnd, hasBegun) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        #expect(
            threads.put {
                hasBegun.signal()
                mayEnd.wait()
            } == .queued)
        hasBegun.wait()
        let done = DispatchSemaphore(value: 0)
        for _ in 0..<20 { #expect(threads.put { done.signal() } == .queued) }
        for _ in 0..<20 { #expect(done.wait(timeout: .now() + 60) == .success) }
        mayEnd.signal()
        threads.end()
    }

    @Test("finish the waiting reads at the end, and accept nothing afterwards")
    func end() throws {
        let threads = try ReaderThreads(count: 1)
        final class Counter: Sendable { let value = Atomic(0) }
        let counter = Counter()
        for _ in 0..<100 {
            #expect(threads.put { counter.value.add(1, ordering: .relaxed) } == .queued)
        }
        threads.end()
        #expect(counter.value.load(ordering: .relaxed) == 100)
        #expect(threads.put {} == .closed)
    }
}
