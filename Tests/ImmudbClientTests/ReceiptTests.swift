import ImmudbClient
import LyingServer
import MerkleTree
import Testing

@Suite("Receipts")
struct ReceiptTests {
    private let ledger = TestLedger(count: 13)

    private func receipt(of index: Int, in ledger: TestLedger? = nil) throws -> Receipt {
        let ledger = ledger ?? self.ledger
        let entry = ledger.entries[index]
        return Receipt(
            server: try #require(ServerIdentity(LyingServer.identityText)), entry: entry,
            root: ledger.root, path: ledger.inclusionProof(of: entry.index).path)
    }

    @Test("prove their entry, also after conversion to text and back")
    func roundTrip() throws {
        for index in ledger.entries.indices {
            let receipt = try receipt(of: index)
            try receipt.verify()
            let read = try Receipt(text: receipt.text)
            #expect(read == receipt)
            try read.verify()
            #expect(try read.verify(trusting: ledger.root)?.value == ledger.entries[index])
        }
    }

    @Test("keep keys and values of any bytes, and empty ones; comments have no control characters")
    func anyBytes() throws {
        var ledger = TestLedger(count: 2)
        ledger.append([0xff, 0x0a, 0x00], [])
        ledger.append(Array("k\u{1b}[31m".utf8), Array("a\nroot: 00\n".utf8))
        ledger.append(Array("k".utf8), Content(timestamp: 1_795_374_564, payload: [65]).storedValue)
        for index in ledger.entries.indices {
            let receipt = try receipt(of: index, in: ledger)
            #expect(!receipt.text.contains("\u{1b}"))
            #expect(try Receipt(text: receipt.text) == receipt)
        }
        let last = try receipt(of: 4, in: ledger)
        #expect(last.text.contains("# value as text: A\n"))
        #expect(last.text.contains("# time as the writer's clock had it: 2026-11-22T"))
    }

    @Test("may have Windows line ends and blank lines")
    func otherLineEnds() throws {
        let receipt = try receipt(of: 3)
        let text = receipt.text.split(separator: "\n").joined(separator: "\r\n\r\n")
        #expect(try Receipt(text: text) == receipt)
    }

    @Test("are refused with any changed digit, and any missing, repeated or swapped line")
    func everyChange() throws {
        let text = try receipt(of: 9).text
        var lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        func isRefused(_ lines: [String]) -> Bool {
            do {
                let read = try Receipt(text: lines.joined(separator: "\n"))
                try read.verify()
                // No proof covers the identity: the holder of the receipt can change it.
                return try read.verify(trusting: ledger.root) == nil
            } catch {
                return true
            }
        }
        expectRefused(everyChangeOf: lines, isRefused)
        lines.swapAt(lines.count - 1, lines.count - 2)
        #expect(isRefused(lines))
    }

    @Test("contradict a root of another history, and say nothing about one of another size")
    func otherRoots() throws {
        let receipt = try receipt(of: 9)
        #expect(throws: VerificationError(.consistencyFailed, "")) {
            try receipt.verify(trusting: TestLedger(count: 13, salt: "!").root)
        }
        #expect(try receipt.verify(trusting: TestLedger(count: 14).root) == nil)
    }

    @Test(
        "are refused with line and reason if they are malformed",
        arguments: [
            ("", "line 1 of the receipt: not 'immudb receipt 1'"),
            ("immudb receipt 3\n", "not 'immudb receipt 1' or 'immudb receipt 2'"),
            ("immudb receipt 1\nserver: a/b", "line 2 of the receipt: 'a/b' is no identity"),
            ("immudb receipt 1\nserver: x\nindex: -1", "line 3 of the receipt: index '-1'"),
            ("immudb receipt 1\nserver: x\nindex: 1\nkey: 0", "half a byte"),
            ("immudb receipt 1\nserver: x\nindex: 1\nkey: zz", "not hexadecimal"),
            ("immudb receipt 1\nserver: x\nindex: 1\nkey: 00\n", "'value: …' is missing"),
        ])
    func syntax(text: String, said: String) throws {
        let error = try #require(throws: ReceiptSyntaxError.self) { try Receipt(text: text) }
        #expect(error.description.contains(said), "\(error)")
    }
}
