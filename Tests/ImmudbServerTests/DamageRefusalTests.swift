import ImmudbStore
import RPCTransport
import Testing

@testable import ImmudbServer

@Suite("The status of a call that meets damage")
struct DamageRefusalTests {
    @Test(
        "says of a write that it is certainly not stored",
        arguments: [StoreError.Code.corruption, .tampered])
    func write(code: StoreError.Code) {
        let refusal = Refusal(ofWrite: StoreError(code, "entry 7"))
        #expect(refusal.code == .failedPrecondition)
        #expect(refusal.message.hasPrefix("not stored: "))
        #expect(refusal.fault != nil)
    }

    @Test("names the entry of a read, and leaves the file to the log")
    func read() {
        var error = StoreError(.corruption, "/data/0000000000.segment, byte 5, entry 7: damaged")
        #expect(Refusal(error).message == "stored bytes are damaged: the server's log says where")
        error.damagedEntry = EntryIndex(7)
        #expect(Refusal(error).message == "entry 7 is damaged: the server's log says where")
        #expect(Refusal(error).code == .dataLoss)
    }

    @Test("still says of a write whose outcome is unknown that it may be stored")
    func unknown() {
        #expect(Refusal(ofWrite: StoreError(.outcomeUnknown, "")).code == .internalError)
    }
}
