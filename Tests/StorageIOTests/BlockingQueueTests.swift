import StorageIO
import Synchronization
import Testing

struct BlockingQueueTests {
    @Test("what several threads put is taken whole and, thread by thread, in order")
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

    @Test("a full queue refuses, a closed one hands out the rest and ends")
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

    @Test("an element heavier than the capacity is taken when nothing else waits")
    func heavy() {
        let queue = BlockingQueue<Int>(capacity: 2)
        #expect(queue.put(1, weight: 100) == .queued)
        #expect(queue.put(2) == .full)
        #expect(queue.takeAll() == [1])
    }

    @Test("taking with a timeout returns nothing when nothing comes")
    func timeout() {
        let queue = BlockingQueue<Int>(capacity: 2)
        #expect(queue.takeAll(timeoutMilliseconds: 20) == [])
    }
}
