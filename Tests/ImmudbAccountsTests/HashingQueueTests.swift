import Synchronization
import Testing

@testable import ImmudbAccounts

/// The order of logins, with a clock that the test sets.
@Suite("The queue of logins")
struct HashingQueueTests {
    private static let second: UInt64 = 1_000_000_000

    private func login(
        _ name: String, _ host: String = "h", lane: Int, isCancelled: Bool = false
    ) -> HashingQueue.Job {
        HashingQueue.Job(
            kind: .login(name: Array(name.utf8), host: Array(host.utf8)), lane: lane,
            isCancelled: { isCancelled }, run: { true }, refuse: { _ in })
    }

    private func lane(_ next: HashingQueue.Next) -> Int? {
        if case .job(let job) = next { job.lane } else { nil }
    }

    /// Takes a job, and finishes it as a failure or a success.
    private func take(
        _ queue: inout HashingQueue, now: UInt64, failing: Bool = true
    ) -> Int? {
        guard case .job(let job) = queue.next(now: now) else { return nil }
        queue.finish(job, hasFailed: failing)
        return job.lane
    }

    @Test("prefers a connection without other logins to one with a hundred")
    func turns() {
        var queue = HashingQueue()
        for number in 0..<100 { #expect(queue.add(login("user\(number)", lane: 1)) == nil) }
        #expect(take(&queue, now: 0) == 1)
        _ = queue.add(login("immu", lane: 2))
        _ = queue.add(login("x", lane: 2))
        #expect(take(&queue, now: 0) == 2)
        #expect((0..<2).map { _ in take(&queue, now: 0) } == [1, 2])
    }

    @Test("limits a user's failed logins, and lets another user's pass them")
    func perName() {
        var queue = HashingQueue()
        for _ in 0..<20 { _ = queue.add(login("joe", lane: 1)) }
        for _ in 0..<10 { #expect(take(&queue, now: 0) == 1) }
        guard case .waitUntil(let time) = queue.next(now: 0) else { return #expect(Bool(false)) }
        #expect(time == Self.second)
        _ = queue.add(login("ann", lane: 1))
        #expect(take(&queue, now: 0) == 1)
        #expect(take(&queue, now: 0) == nil)
        #expect(take(&queue, now: time) == 1)
        #expect(take(&queue, now: time) == nil)
        // The user who logs in meanwhile waits for the next attempt, not for those in the queue.
        _ = queue.add(login("joe", lane: 2))
        #expect(take(&queue, now: 2 * Self.second) == 2)
    }

    @Test("limits an address's failed logins, whatever the names")
    func perHost() {
        var queue = HashingQueue()
        for number in 0..<60 { _ = queue.add(login("user\(number)", lane: 1)) }
        for _ in 0..<40 { #expect(take(&queue, now: 0) == 1) }
        #expect(take(&queue, now: 0) == nil)
        _ = queue.add(login("user", "elsewhere", lane: 2))
        #expect(take(&queue, now: 0) == 2)
        #expect(take(&queue, now: Self.second / 4) == 1)
    }

    @Test("does not limit logins that succeed")
    func successes() {
        var queue = HashingQueue()
        for _ in 0..<100 { _ = queue.add(login("joe", lane: 1)) }
        for _ in 0..<100 { #expect(take(&queue, now: 0, failing: false) == 1) }
    }

    @Test("runs acts of administration first")
    func administration() {
        var queue = HashingQueue()
        _ = queue.add(login("joe", lane: 1))
        _ = queue.add(
            HashingQueue.Job(
                kind: .administration, lane: 5, isCancelled: { false }, run: { false },
                refuse: { _ in }))
        #expect(take(&queue, now: 0) == 5)
        #expect(take(&queue, now: 0) == 1)
    }

    @Test("drops cancelled calls")
    func cancelled() {
        var queue = HashingQueue()
        _ = queue.add(login("joe", lane: 1, isCancelled: true))
        _ = queue.add(login("joe", lane: 2))
        #expect(take(&queue, now: 0) == 2)
        #expect(take(&queue, now: 0) == nil)
    }

    @Test("makes room for a connection with fewer logins when it is full, and does not grow")
    func capacity() {
        var queue = HashingQueue()
        for lane in 0..<4 {
            for _ in 0..<HashingQueue.laneCapacity {
                #expect(queue.add(login("u", lane: lane)) == nil)
            }
            #expect(queue.add(login("u", lane: lane))?.lane == lane)
        }
        let dropped = queue.add(login("immu", lane: 9))
        #expect(dropped.map { $0.lane < 4 } == true)
        #expect(take(&queue, now: 0) != nil)
        #expect(queue.removeAll().count == HashingQueue.capacity - 1)
    }

    @Test("forgets the turns of connections whose logins were cancelled, while others wait")
    func forgottenTurns() {
        var queue = HashingQueue()
        let hasGone = Mutex(false)
        for _ in 0..<2 { _ = queue.add(login("u", "h0", lane: 0)) }
        for lane in 1...20 {
            _ = queue.add(login("a\(lane)", "h\(lane)", lane: lane))
            _ = queue.add(
                HashingQueue.Job(
                    kind: .login(name: [UInt8(lane)], host: [UInt8(lane)]), lane: lane,
                    isCancelled: { hasGone.withLock { $0 } }, run: { true }, refuse: { _ in }))
        }
        for _ in 0...20 { #expect(take(&queue, now: 0) != nil) }
        #expect(queue.rememberedTurnCount == 21)
        hasGone.withLock { $0 = true }
        _ = queue.add(login("u", "h0", lane: 0))
        #expect(take(&queue, now: 0) == 0)
        #expect(queue.rememberedTurnCount == 1)
        #expect(queue.count == 1)
    }

    @Test("forgets the limits of clients that stopped, however many")
    func memory() {
        var limit = AttemptLimit(burst: 10, interval: .seconds(1))
        for number in 0..<100_000 {
            limit.take(Array("user\(number)".utf8), now: UInt64(number) * Self.second / 20)
        }
        #expect(limit.count < 100)
    }
}
