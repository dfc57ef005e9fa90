import ImmudbClient
import LyingServer
import MerkleTree
import Testing

@Suite("Verification of an answer")
struct VerificationTests {
    @Test("accepts true answers about every entry of every small tree, since every older tree")
    func trueAnswers() throws {
        for count in 1...20 {
            let ledger = TestLedger(count: count)
            for entry in ledger.entries {
                for trusted in 0...count {
                    let root = ledger.root(of: TreeSize(UInt64(trusted)))
                    let proof = ledger.proof(of: entry, since: root.size)
                    let verified = try proof.verify(read: entry, of: entry.key, since: root)
                    #expect(verified.value == entry)
                    #expect(verified.root == ledger.root)
                }
            }
        }
    }

    @Test(
        "accepts a write only if its entry is new, and not an older, equal one")
    func writes() throws {
        var ledger = TestLedger(count: 5)
        let before = ledger.root
        let new = ledger.append(Array("key1".utf8), Array("value1".utf8))
        let verified = try ledger.proof(of: new, since: before.size)
            .verify(writtenKey: new.key, value: new.value, since: before)
        #expect(verified.value == new)

        let old = ledger.entries[1]
        #expect(throws: VerificationError(.wrongIndex, "")) {
            try ledger.proof(of: old, since: before.size)
                .verify(writtenKey: new.key, value: new.value, since: before)
        }
    }

    @Test(
        "fails for any single changed, missing, added or swapped part of a proof",
        arguments: [1, 2, 3, 7, 8, 12])
    func mutations(trustedCount: UInt64) throws {
        let ledger = TestLedger(count: 13)
        let trusted = ledger.root(of: TreeSize(trustedCount))
        for entry in ledger.entries {
            let proof = ledger.proof(of: entry, since: trusted.size)
            for mutated in proof.mutations {
                #expect(throws: VerificationError.self, "\(mutated)") {
                    try mutated.verify(read: entry, of: entry.key, since: trusted)
                }
            }
        }
    }

    @Test("detects changed keys, values and indexes of the entry, each by its own error")
    func changedEntries() throws {
        let ledger = TestLedger(count: 9)
        let trusted = ledger.root(of: TreeSize(4))
        let entry = ledger.entries[6]
        let proof = ledger.proof(of: entry, since: trusted.size)

        var other = entry
        other.value.append(0)
        #expect(throws: VerificationError(.leafMismatch, "")) {
            try proof.verify(read: other, of: entry.key, since: trusted)
        }
        other = entry
        other.index = EntryIndex(5)
        #expect(throws: VerificationError(.wrongIndex, "")) {
            try proof.verify(read: other, of: entry.key, since: trusted)
        }
        #expect(throws: VerificationError(.wrongKey, "")) {
            try proof.verify(read: entry, of: Array("key5".utf8), since: trusted)
        }
        // A byte moved from the key to the value.
        other = Entry(
            index: entry.index, key: entry.key.dropLast(),
            value: [entry.key.last ?? 0] + entry.value)
        #expect(throws: VerificationError(.leafMismatch, "")) {
            try proof.verify(read: other, of: other.key, since: trusted)
        }
    }

    @Test("distinguishes a smaller tree, another history and an index beyond every tree")
    func otherTrees() throws {
        let trusted = TestLedger(count: 9).root
        let small = TestLedger(count: 7)
        let other = TestLedger(count: 12, salt: "!")
        #expect(throws: VerificationError(.treeShrank, "")) {
            try small.proof(of: small.entries[2], since: small.size)
                .verify(read: small.entries[2], of: small.entries[2].key, since: trusted)
        }
        #expect(throws: VerificationError(.consistencyFailed, "")) {
            try other.proof(of: other.entries[2], since: trusted.size)
                .verify(read: other.entries[2], of: other.entries[2].key, since: trusted)
        }
        let same = TestLedger(count: 9, salt: "!")
        #expect(throws: VerificationError(.consistencyFailed, "")) {
            try same.proof(of: same.entries[2], since: trusted.size)
                .verify(read: same.entries[2], of: same.entries[2].key, since: trusted)
        }
        var huge = small.proof(of: small.entries[2], since: small.size)
        huge.at = .max
        #expect(throws: VerificationError(.malformedProof, "")) {
            try huge.verify(read: small.entries[2], of: small.entries[2].key, since: trusted)
        }
    }

    @Test("names the check, both roots and the index in an error")
    func errorsExplain() throws {
        let ledger = TestLedger(count: 9)
        let trusted = ledger.root(of: TreeSize(4))
        let entry = ledger.entries[6]
        var proof = ledger.proof(of: entry, since: trusted.size)
        proof.consistencyPath[0][0] ^= 1
        let error = try #require(throws: VerificationError.self) {
            try proof.verify(read: entry, of: entry.key, since: trusted)
        }
        #expect(error.trustedRoot == trusted.root)
        #expect(error.trustedSize == trusted.size)
        #expect(error.newRoot == ledger.root.root)
        #expect(error.newSize == ledger.size)
        #expect(error.index == entry.index)
    }

    @Test("shows payload and time of structured values; everything else is raw")
    func contents() throws {
        let content = Content(timestamp: 1_795_374_564, payload: Array("value1".utf8))
        let stored = content.storedValue
        #expect(
            stored.map { String($0, radix: 16) }.joined(separator: " ")
                == "8 e4 fb 8c d8 6 12 6 76 61 6c 75 65 31")
        #expect(Content(storedValue: stored) == content)
        let raw = Entry(index: EntryIndex(0), key: [1], value: Array("plain".utf8))
        #expect(raw.content == nil)
        #expect(raw.payload == raw.value)
        // Field 2 before field 1: parses, but is not what a client writes.
        #expect(Content(storedValue: [0x12, 1, 0x61, 0x08, 1]) == nil)
    }
}

extension UncheckedProof {
    /// Every proof that differs from this one in one thing.
    var mutations: [UncheckedProof] {
        var result: [UncheckedProof] = []
        func add(_ change: (inout UncheckedProof) -> Void) {
            var copy = self
            change(&copy)
            result.append(copy)
        }
        let digest = [UInt8](repeating: 7, count: 32)
        for digestPath in [\UncheckedProof.leaf, \.root] {
            add { $0[keyPath: digestPath][31] ^= 1 }
            add { $0[keyPath: digestPath].removeLast() }
            add { $0[keyPath: digestPath].append(0) }
            add { $0[keyPath: digestPath] = [] }
            add { $0[keyPath: digestPath] = digest }
        }
        add { $0.index += 1 }
        add { $0.index = .max }
        add { $0.at = .max }
        for path in [\UncheckedProof.inclusionPath, \.consistencyPath] {
            let nodes = self[keyPath: path]
            add { $0[keyPath: path].append(digest) }
            add { $0[keyPath: path].insert(digest, at: 0) }
            for position in nodes.indices {
                add { $0[keyPath: path].remove(at: position) }
                add { $0[keyPath: path][position][0] ^= 0x80 }
                add { $0[keyPath: path][position].removeLast() }
                add { $0[keyPath: path][position].append(0) }
                add { $0[keyPath: path][position] = [] }
                if position > 0 { add { $0[keyPath: path].swapAt(0, position) } }
            }
            if !nodes.isEmpty { add { $0[keyPath: path] = [] } }
        }
        return result.filter { $0 != self }
    }
}
