import Testing

@testable import ImmudbServer

struct DescriptorBudgetTests {
    @Test(
        "gives the database its files first, and connections the rest",
        arguments: [160, 256, 1024, 65_536])
    func shares(limit: Int) throws {
        let budget = try DescriptorBudget(limit: limit)
        #expect(budget.segmentCount >= 4)
        #expect(budget.indexFileCount >= 20)
        #expect(budget.connectionCount > 0)
        #expect(budget.segmentCount + budget.indexFileCount + budget.connectionCount <= limit - 70)
    }

    @Test("leaves a gateway in the same process its share, at the expense of connections alone")
    func gateway() throws {
        let alone = try DescriptorBudget(limit: 1_024)
        let beside = try DescriptorBudget(limit: 1_024, gatewayCount: 64)
        #expect(beside.connectionCount == alone.connectionCount - 64)
        #expect(beside.segmentCount == alone.segmentCount)
        #expect(beside.indexFileCount == alone.indexFileCount)
    }

    @Test("refuses a limit that leaves nothing for clients, and says what to do")
    func tooFew() {
        let error = #expect(throws: ServerStartError.self) { try DescriptorBudget(limit: 90) }
        #expect(error?.message.contains("ulimit -n") == true)
    }
}
