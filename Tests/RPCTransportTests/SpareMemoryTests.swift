import Synchronization
import Testing

@testable import RPCTransport

@Suite("Spare memory")
struct SpareMemoryTests {
    private final class Count: Sendable {
        let value = Atomic(0)
        var now: Int { value.load(ordering: .acquiring) }
    }

    private static let mebibyte = 1 << 20

    @Test("is given back once when much less is held for a while")
    func freed() async throws {
        let count = Count()
        let memory = SpareMemory { count.value.add(1, ordering: .releasing) }
        memory.look(held: 100 * Self.mebibyte)
        for _ in 0..<4 { memory.look(held: Self.mebibyte) }
        // Busy again: the free memory will be used.
        memory.look(held: 90 * Self.mebibyte)
        for _ in 0..<4 { memory.look(held: Self.mebibyte) }
        #expect(count.now == 0)
        memory.look(held: Self.mebibyte)
        #expect(try await eventually(within: .seconds(20)) { count.now == 1 })
        for _ in 0..<20 { memory.look(held: 0) }
        #expect(count.now == 1)
    }

    @Test("is kept when little was held, or most of it still is")
    func kept() {
        let count = Count()
        let memory = SpareMemory { count.value.add(1, ordering: .releasing) }
        for _ in 0..<20 { memory.look(held: 0) }
        memory.look(held: 30 * Self.mebibyte)
        for _ in 0..<20 { memory.look(held: 0) }
        memory.look(held: 200 * Self.mebibyte)
        for _ in 0..<20 { memory.look(held: 120 * Self.mebibyte) }
        #expect(count.now == 0)
    }
}
