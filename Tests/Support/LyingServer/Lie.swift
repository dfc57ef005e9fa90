import Foundation
import ImmudbClient
import ImmudbProtocol
import MerkleTree
import SwiftProtobuf

/// The lies of a server. The ledger has 13 entries, of which the client trusts 7.
package enum Lie: String, CaseIterable, Sendable {
    case otherLeaf, noLeaf, longLeaf, otherIndex
    case otherRoot, noRoot, shortRoot, longRoot
    case shortInclusion, longInclusion, swappedInclusion, flippedInclusion, noInclusion, shortNode,
        longNode
    case shortConsistency, longConsistency, swappedConsistency, flippedConsistency, noConsistency,
        shortConsistencyNode
    case hugeTree, tinyTree, emptyProof
    case shrunk, shrunkSilently, shorterFork, equalFork, longerFork
    case otherValue, otherEntry

    /// Whether it is a lie about the tree, and not only about an entry in it.
    package var isAboutTree: Bool {
        switch self {
        case .otherRoot, .noRoot, .shortRoot, .longRoot, .shortConsistency, .longConsistency,
            .swappedConsistency, .flippedConsistency, .noConsistency, .shortConsistencyNode,
            .hugeTree, .tinyTree, .emptyProof, .shrunk, .shrunkSilently, .shorterFork, .equalFork,
            .longerFork:
            true
        default: false
        }
    }

    /// Makes a server tell this lie in every answer.
    package func tell(_ state: inout LyingServer.State) {
        let lie = self
        state.alterRead = { lie.tell(&$0.proof) }
        state.alterWrite = { lie.tell(&$0) }
        state.alterInclusion = { lie.tell(&$0) }
        state.alterConsistency = { lie.tell(&$0) }
        switch self {
        case .shrunk: state.ledger.removeLast(8)
        case .shrunkSilently:
            state.ledger.removeLast(8)
            state.acceptsAnyRootIndex = true
        case .shorterFork: state.ledger = TestLedger(count: 7, salt: "!")
        case .equalFork: state.ledger = TestLedger(count: 13, salt: "!")
        case .longerFork: state.ledger = TestLedger(count: 20, salt: "!")
        case .otherValue: tellOtherValue(&state)
        case .otherEntry: tellOtherEntry(&state)
        default: break
        }
    }

    private func tellOtherValue(_ state: inout LyingServer.State) {
        state.alterRead = { $0.item.value.append(0x21) }
        state.alterByIndex = { $0.value.append(0x21) }
        state.alterValue = { $0 + [0x21] }
        // A reference to another key, and an entry that nobody asked to verify.
        state.alterHistory = { for item in $0.items.indices { $0.items[item].value.append(0x21) } }
        state.alterInclusion = { $0.leaf[0] ^= 1 }
    }

    /// Answers with another entry than the requested one, and its true proof.
    private func tellOtherEntry(_ state: inout LyingServer.State) {
        let ledger = state.ledger
        let other = ledger.entries[6]
        let proof = Immudb_Schema_Proof(ledger.proof(of: other, since: TreeSize(7)))
        let item = Immudb_Schema_Item.with {
            $0.key = Data(other.key)
            $0.value = Data(other.value)
            $0.index = 6
        }
        state.alterRead = {
            $0.item = item
            $0.proof = proof
        }
        state.alterWrite = { $0 = proof }
        state.alterByIndex = { $0 = item }
        state.alterBatch = { $0.index = 6 }
        state.alterInclusion = {
            $0.index = 6
            $0.leaf = Data(other.leaf.bytes)
            $0.path = ledger.inclusionProof(of: other.index).path.map { Data($0.bytes) }
            $0.at = ledger.size.rawValue - 1
            $0.root = Data(ledger.root.root.bytes)
        }
    }

    // MARK: about a proof

    private static let node = Data(repeating: 9, count: 32)

    private func tell(_ proof: inout Immudb_Schema_Proof) {
        tellAboutLeaf(&proof.leaf)
        tellAboutRoot(&proof.root)
        tellAboutInclusion(&proof.inclusionPath)
        tellAboutConsistency(&proof.consistencyPath)
        switch self {
        case .otherIndex: proof.index += 1
        case .hugeTree: proof.at = .max
        case .tinyTree:
            proof.at = 0
            proof.root = proof.leaf
            (proof.inclusionPath, proof.consistencyPath) = ([], [])
        case .emptyProof: proof = Immudb_Schema_Proof()
        default: break
        }
    }

    private func tell(_ proof: inout Immudb_Schema_InclusionProof) {
        tellAboutLeaf(&proof.leaf)
        tellAboutRoot(&proof.root)
        tellAboutInclusion(&proof.path)
        switch self {
        case .otherIndex: proof.index += 1
        case .hugeTree: proof.at = .max
        case .tinyTree:
            proof.at = 0
            proof.root = proof.leaf
            proof.path = []
        case .emptyProof: proof = Immudb_Schema_InclusionProof()
        default: break
        }
    }

    private func tell(_ proof: inout Immudb_Schema_ConsistencyProof) {
        tellAboutRoot(&proof.secondRoot)
        tellAboutConsistency(&proof.path)
        switch self {
        case .hugeTree: proof.second = .max
        case .tinyTree:
            proof.second = 0
            proof.path = []
        case .emptyProof: proof = Immudb_Schema_ConsistencyProof()
        default: break
        }
    }

    private func tellAboutLeaf(_ leaf: inout Data) {
        switch self {
        case .otherLeaf: leaf = Self.node
        case .noLeaf: leaf = Data()
        case .longLeaf: leaf.append(0)
        default: break
        }
    }

    private func tellAboutRoot(_ root: inout Data) {
        switch self {
        case .otherRoot: root = Self.node
        case .noRoot: root = Data()
        case .shortRoot: root.removeLast()
        case .longRoot: root.append(0)
        default: break
        }
    }

    private func tellAboutInclusion(_ path: inout [Data]) {
        switch self {
        case .shortInclusion: path.removeLast()
        case .longInclusion: path.append(Self.node)
        case .swappedInclusion: path.swapAt(0, 1)
        case .flippedInclusion: path[1][31] ^= 1
        case .noInclusion: path = []
        case .shortNode: path[0].removeLast()
        case .longNode: path[0].append(0)
        default: break
        }
    }

    private func tellAboutConsistency(_ path: inout [Data]) {
        guard path.count > 1 else { return }
        switch self {
        case .shortConsistency: path.removeLast()
        case .longConsistency: path.append(Self.node)
        case .swappedConsistency: path.swapAt(0, 1)
        case .flippedConsistency: path[0][0] ^= 1
        case .noConsistency: path = []
        case .shortConsistencyNode: path[0].removeLast()
        default: break
        }
    }
}
