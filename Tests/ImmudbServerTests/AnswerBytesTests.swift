import Foundation
import ImmudbProtocol
import ImmudbStore
import MerkleTree
import OwnThread
import RPCTransport
import SwiftProtobuf
import TestTools
import Testing

@testable import ImmudbServer

/// Compares the answers that are encoded by hand with the generated messages.
@Suite("Answers encoded by hand", .ownThread)
struct AnswerBytesTests {
    @Test("equal the generated messages byte for byte, whatever their fields contain")
    func sameBytes() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        for round in 0..<500 {
            let proven = ProvenEntry(entry: random.entry(), proof: random.proof())
            let item = message(proven.entry)
            let proof = message(proven.proof)
            let safeItem = Immudb_Schema_SafeItem.with {
                $0.item = item
                $0.proof = proof
            }
            let comment: Comment = "seed \(seed), round \(round)"
            try #expect(bytes(encodedItem(proven.entry)) == item.serializedBytes(), comment)
            try #expect(bytes(encodedProof(proven.proof)) == proof.serializedBytes(), comment)
            try #expect(bytes(encodedSafeItem(proven)) == safeItem.serializedBytes(), comment)
        }
    }

    @Test("equal the generated lists and pages, also empty ones and those with empty items")
    func sameLists() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        for count in 0..<20 {
            var entries = (0..<count).map { _ in random.entry() }
            if count % 3 == 1 { entries[0] = Entry(index: EntryIndex(0), key: [], value: []) }
            let items = entries.map(message)
            let list = Immudb_Schema_ItemList.with { $0.items = items }
            let comment: Comment = "seed \(seed), \(count) items"
            var encoded = EncodedItems()
            // In pages of any size, including empty ones.
            var rest = entries[...]
            while !rest.isEmpty {
                let page = rest.prefix(Int.random(in: 0...8, using: &random))
                encoded.append(Array(page))
                rest = rest.dropFirst(page.count)
            }
            #expect(encoded.count == count)
            try #expect(bytes(encoded.list()) == list.serializedBytes(), comment)
            for hasMore in [false, true] {
                let page = Immudb_Schema_Page.with {
                    $0.items = items
                    $0.more = hasMore
                }
                let bytes = bytes(encoded.page(hasMore: hasMore))
                try #expect(bytes == page.serializedBytes(), comment)
            }
        }
    }

    @Test("equal the generated messages of structured values, also of empty ones")
    func structuredAnswers() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        var encoded = EncodedItems(as: .structured)
        var page = Immudb_Schema_SPage()
        for round in 0..<100 {
            var proven = ProvenEntry(entry: random.entry(), proof: random.proof())
            let content = Immudb_Schema_Content.with {
                if round % 3 != 0 { $0.timestamp = random.number() }
                if round % 4 != 0 { $0.payload = Data(proven.entry.value) }
            }
            proven.entry = Entry(
                index: proven.entry.index, kind: .value, key: proven.entry.key,
                value: content.storedValue)
            let item = Immudb_Schema_StructuredItem.with {
                $0.key = Data(proven.entry.key)
                $0.value = content
                $0.index = proven.entry.index.rawValue
            }
            let safeItem = Immudb_Schema_SafeStructuredItem.with {
                $0.item = item
                $0.proof = message(proven.proof)
            }
            let comment: Comment = "seed \(seed), round \(round)"
            let bytes = [
                bytes(encodedItem(proven.entry, as: .structured)),
                bytes(encodedSafeItem(proven, as: .structured)),
            ]
            try #expect(
                bytes == [item.serializedBytes(), safeItem.serializedBytes()], comment)
            encoded.append([proven.entry])
            page.items.append(item)
        }
        page.pageNum = 300
        page.more = true
        try #expect(bytes(encoded.page(number: 300, hasMore: true)) == page.serializedBytes())
    }

    @Test("have no bytes if all fields are empty")
    func emptyItem() {
        #expect(bytes(encodedItem(Entry(index: EntryIndex(0), key: [], value: []))).isEmpty)
    }

    private func bytes(_ message: FramedBytes) -> [UInt8] {
        message.withUnsafeBytes { Array($0) }
    }

    private func message(_ entry: Entry) -> Immudb_Schema_Item {
        .with {
            $0.key = Data(entry.key)
            $0.value = Data(entry.value)
            $0.index = entry.index.rawValue
        }
    }

    private func message(_ proof: EntryProof) -> Immudb_Schema_Proof {
        .with {
            $0.leaf = Data(proof.leaf.bytes)
            $0.index = proof.index.rawValue
            $0.root = Data(proof.root.bytes)
            $0.at = proof.size.rawValue - 1
            $0.inclusionPath = proof.inclusion.path.map { Data($0.bytes) }
            $0.consistencyPath = proof.consistency.path.map { Data($0.bytes) }
        }
    }
}

extension SplitMix64 {
    /// Draws a number of any magnitude, or zero.
    fileprivate mutating func number() -> UInt64 {
        let bitCount = Int.random(in: 0...64, using: &self)
        return bitCount == 0 ? 0 : next() >> UInt64(64 - bitCount)
    }

    fileprivate mutating func someBytes() -> [UInt8] {
        let count = [0, 1, 127, 128, 300, 20_000].randomElement(using: &self) ?? 0
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    fileprivate mutating func digest() -> Digest {
        .leaf(index: EntryIndex(next()), key: [], value: [])
    }

    fileprivate mutating func entry() -> Entry {
        Entry(index: EntryIndex(number()), key: someBytes(), value: someBytes())
    }

    fileprivate mutating func proof() -> EntryProof {
        let size = TreeSize(Swift.max(1, number() >> 1))
        var inclusion = InclusionProof(index: EntryIndex(number()), size: size, path: [])
        inclusion.path = (0..<Int.random(in: 0...40, using: &self)).map { _ in digest() }
        var consistency = ConsistencyProof(from: TreeSize(1), to: size, path: [])
        consistency.path = (0..<Int.random(in: 0...40, using: &self)).map { _ in digest() }
        return EntryProof(
            leaf: digest(), root: digest(), inclusion: inclusion, consistency: consistency)
    }
}
