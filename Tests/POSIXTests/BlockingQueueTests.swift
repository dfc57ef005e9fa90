import POSIX
import Synchronization
import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

struct BlockingQueueTests {
    @Test("hands out the elements of several threads whole and, thread by thread, in order")
    func order() throws {
        let queue = BlockingQueue<(writer: Int, number: Int)>(capacity: 64)
        var threads: [WorkerThread] = []
        for writer in 0..<4 {
            threads.append(
                try WorkerThread(name: "writer") {
                    for number in 0..<5000 { _ = queue.putWaiting((writer, number)) }
                })
        }
        var next = [0, 0, 0, 0]
        while next.reduce(0, +) < 20_000 {
            for element in queue.takeAll() ?? [] {
                #expect(element.number == next[element.writer])
                next[element.writer] += 1
            }
        }
        for thread in threads { thread.join() }
    }

    @Test("refuses elements when it is full, and hands out the rest when it is closed")
    func limits() {
        let queue = BlockingQueue<Int>(capacity: 2)
        #expect(queue.put(1) == .queued)
        #expect(queue.put(2) == .queued)
        #expect(queue.put(3) == .full)
        queue.close()
        #expect(queue.put(4) == .closed)
        #expect(queue.takeAll() == [1, 2])
        #expect(queue.takeAll() == nil)
    }

    @Test("accepts an element heavier than the capacity when nothing else waits")
    func heavy() {
        let queue = BlockingQueue<Int>(capacity: 2)
        #expect(queue.put(1, weight: 100) == .queued)
        #expect(queue.put(2) == .full)
        #expect(queue.takeAll() == [1])
    }

    @Test("returns nothing after a timeout without elements")
    func timeout() {
        let queue = BlockingQueue<Int>(capacity: 2)
        #expect(queue.takeAll(timeoutMilliseconds: 20) == [])
    }

    @Test("waits asleep, with a deadline and a wait that use the same clock")
    func sleeps() throws {
        let result = Mutex<(milliseconds: Int, processorMilliseconds: Int)?>(nil)
        let thread = try WorkerThread(name: "taker") {
            let queue = BlockingQueue<Int>(capacity: 2)
            let start = ContinuousClock.now
            let processorStart = processorMilliseconds()
            _ = queue.takeAll(timeoutMilliseconds: 400)
            let passed = Int((ContinuousClock.now - start) / .milliseconds(1))
            result.withLock { $0 = (passed, processorMilliseconds() - processorStart) }
        }
        thread.join()
        let (passed, processor) = try #require(result.withLock { $0 })
        #expect(passed >= 400)
        // A wait that returned at once would be repeated until the deadline.
        #expect(processor < 100)
    }
}

/// Returns the processor time of this thread.
private func processorMilliseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int(time.tv_sec) * 1000 + Int(time.tv_nsec) / 1_000_000
}
