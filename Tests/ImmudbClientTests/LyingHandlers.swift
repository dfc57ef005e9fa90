import Foundation
import ImmudbClient
import ImmudbProtocol
import MerkleTree
import RPCTransport
import SwiftProtobuf
import Synchronization

/// The methods of `LyingServer`.
final class LyingHandlers: Sendable {
    let state: Mutex<LyingServer.State>

    init(_ state: LyingServer.State) {
        self.state = Mutex(state)
    }

    var methods: [RPCMethod] {
        [
            .unary(ImmuService.health) { (_: Google_Protobuf_Empty, call) in
                var response = Immudb_Schema_HealthResponse()
                response.status = true
                call.reply(response)
            },
            .unary(ImmuService.currentRoot) { (_: Google_Protobuf_Empty, call) in
                self.currentRoot(call)
            },
            .unary(ImmuService.safeGet) { (request: Immudb_Schema_SafeGetOptions, call) in
                self.safeGet(request, call)
            },
            .unary(ImmuService.safeSet) { (request: Immudb_Schema_SafeSetOptions, call) in
                self.safeSet(request, call)
            },
            .unary(ImmuService.consistency) { (request: Immudb_Schema_Index, call) in
                self.consistency(request, call)
            },
        ]
    }

    private func currentRoot(_ call: ServerCall) {
        let state = state.withLock { $0 }
        var response = Immudb_Schema_Root()
        if let last = state.ledger.size.lastIndex {
            response.index = last.rawValue
            response.root = Data(state.ledger.root.root.bytes)
        }
        state.alterRoot?(&response)
        call.reply(response)
    }

    private func safeGet(_ request: Immudb_Schema_SafeGetOptions, _ call: ServerCall) {
        let state = state.withLock { $0 }
        let asked = request.hasRootIndex ? request.rootIndex : nil
        guard let trusted = state.trustedSize(asked) else {
            return call.fail(.invalidArgument, "invalid root index")
        }
        guard let entry = state.ledger.newest([UInt8](request.key)) else {
            return call.fail(.notFound, "Key not found")
        }
        var response = Immudb_Schema_SafeItem()
        response.item.key = request.key
        response.item.value = Data(entry.value)
        response.item.index = entry.index.rawValue
        response.proof = Immudb_Schema_Proof(state.ledger.proof(of: entry, since: trusted))
        state.alterRead?(&response)
        call.reply(response)
    }

    private func safeSet(_ request: Immudb_Schema_SafeSetOptions, _ call: ServerCall) {
        let asked = request.hasRootIndex ? request.rootIndex : nil
        let key = [UInt8](request.kv.key)
        let value = [UInt8](request.kv.value)
        let ready: [@Sendable () -> Void] = state.withLock { state in
            guard let trusted = state.trustedSize(asked) else {
                return [{ call.fail(.invalidArgument, "invalid root index") }]
            }
            let older = state.ignoresWrites ? state.ledger.newest(key) : nil
            let entry = older ?? state.ledger.append(key, value)
            var response = Immudb_Schema_Proof(state.ledger.proof(of: entry, since: trusted))
            state.alterWrite?(&response)
            let answer = response
            state.gathered.append { call.reply(answer) }
            guard state.gathered.count >= state.writesToGather else { return [] }
            defer { state.gathered = [] }
            return state.gathered.reversed()
        }
        for answer in ready { answer() }
    }

    private func consistency(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        let state = state.withLock { $0 }
        guard let old = TreeSize(endingAt: request.index), old <= state.ledger.size else {
            return call.fail(.notFound, "index not found")
        }
        var response = Immudb_Schema_ConsistencyProof()
        response.first = request.index
        response.second = state.ledger.size.rawValue - 1
        response.secondRoot = Data(state.ledger.root.root.bytes)
        response.path = state.ledger.consistencyProof(from: old).path.map { Data($0.bytes) }
        state.alterConsistency?(&response)
        call.reply(response)
    }
}

extension LyingServer.State {
    /// The size of the tree that a client trusts; 0 if it trusts none.
    ///
    /// - Returns: nil if the ledger is smaller.
    fileprivate func trustedSize(_ rootIndex: Immudb_Schema_Index?) -> TreeSize? {
        guard let rootIndex, let size = TreeSize(endingAt: rootIndex.index) else {
            return TreeSize(0)
        }
        if size <= ledger.size { return size }
        return acceptsAnyRootIndex ? ledger.size : nil
    }
}

extension Immudb_Schema_Proof {
    init(_ proof: UncheckedProof) {
        self.init()
        leaf = Data(proof.leaf)
        index = proof.index
        at = proof.at
        root = Data(proof.root)
        inclusionPath = proof.inclusionPath.map { Data($0) }
        consistencyPath = proof.consistencyPath.map { Data($0) }
    }
}
