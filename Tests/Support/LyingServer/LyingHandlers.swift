import Foundation
package import ImmudbClient
package import ImmudbProtocol
import MerkleTree
package import RPCTransport
import SwiftProtobuf
package import Synchronization

/// The methods of `LyingServer`.
package final class LyingHandlers: Sendable {
    package let state: Mutex<LyingServer.State>

    package init(_ state: LyingServer.State) {
        self.state = Mutex(state)
    }

    package var methods: [RPCMethod] {
        [
            .unary(ImmuService.health) { (_: Google_Protobuf_Empty, call) in
                var response = Immudb_Schema_HealthResponse()
                response.status = true
                let token = call.metadata.first(ImmuMetadata.authorization)
                let isIgnored = self.state.withLock { state in
                    state.healthTokens.append(token)
                    return state.ignoresHealth
                }
                if !isIgnored { call.reply(response) }
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
            .unary(ImmuService.safeReference) {
                (request: Immudb_Schema_SafeReferenceOptions, call) in
                let asked = request.hasRootIndex ? request.rootIndex : nil
                self.write(asked, call) { state in
                    let key = [UInt8](request.ro.key)
                    return state.ledger.appendReference(
                        [UInt8](request.ro.reference), to: state.alterValue?(key) ?? key)
                }
            },
            .unary(ImmuService.safeZAdd) { (request: Immudb_Schema_SafeZAddOptions, call) in
                let asked = request.hasRootIndex ? request.rootIndex : nil
                let options = request.zopts
                let member = [UInt8](options.key)
                let key = ImmudbClient.setEntryKey(
                    set: [UInt8](options.set), score: options.score, member: member)
                self.write(asked, call) { state in
                    state.ledger.append(key, state.alterValue?(member) ?? member)
                }
            },
            .unary(ImmuService.history) { (request: Immudb_Schema_Key, call) in
                self.history(request, call)
            },
            .unary(ImmuService.inclusion) { (request: Immudb_Schema_Index, call) in
                self.inclusion(request, call)
            },
            .unary(ImmuService.byIndex) { (request: Immudb_Schema_Index, call) in
                self.byIndex(request, call)
            },
            .unary(ImmuService.setBatch) { (request: Immudb_Schema_KVList, call) in
                self.setBatch(request, call)
            },
            .unary(ImmuService.login) { (request: Immudb_Schema_LoginRequest, call) in
                self.login(request, call)
            },
            .unary(ImmuService.count) { (_: Immudb_Schema_KeyPrefix, call) in
                self.count(call)
            },
            .unary(ImmuService.get) { (_: Immudb_Schema_Key, call) in
                self.refuseWithoutToken(call)
            },
            .unary(ImmuService.iScan) { (request: Immudb_Schema_IScanOptions, call) in
                self.page(request, call)
            },
            .unary(ImmuService.scan) { (_: Immudb_Schema_ScanOptions, call) in
                var response = Immudb_Schema_ItemList()
                response.items = self.state.withLock { $0.page }
                call.reply(response)
            },
            .serverStreaming(ImmuService.dump) {
                (_: Google_Protobuf_Empty, stream: ServerStream) in
                for _ in 0..<self.state.withLock({ $0.emptyDumpMessageCount }) {
                    try await stream.send(Pb_KVList())
                }
            },
            .unary(ImmuService.consistency) { (request: Immudb_Schema_Index, call) in
                self.consistency(request, call)
            },
        ]
    }

    private func currentRoot(_ call: ServerCall) {
        let state = state.withLock { $0 }
        if state.refusesRoots, let error = state.refusal?(0..<1) {
            return call.fail(error.code, error.message)
        }
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
        guard let entry = state.ledger.read([UInt8](request.key)) else {
            return call.fail(.notFound, "Key not found")
        }
        var response = Immudb_Schema_SafeItem()
        response.item.key = Data(entry.key)
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
            var response: Immudb_Schema_Proof
            if state.forksNextWrite {
                state.forksNextWrite = false
                var fork = state.ledger
                fork.append(Array("another".utf8), Array("history".utf8))
                let entry = fork.append(key, value)
                response = Immudb_Schema_Proof(fork.proof(of: entry, since: trusted))
            } else {
                let written = state.alterValue?(value) ?? value
                let entry = older ?? state.ledger.append(key, written)
                response = Immudb_Schema_Proof(state.ledger.proof(of: entry, since: trusted))
            }
            state.alterWrite?(&response)
            let answer = response
            state.gathered.append { call.reply(answer) }
            guard state.gathered.count >= state.writesToGather else { return [] }
            defer { state.gathered = [] }
            return state.gathered.reversed()
        }
        for answer in ready { answer() }
    }

    private func write(
        _ asked: Immudb_Schema_Index?, _ call: ServerCall,
        _ append: (inout LyingServer.State) -> Entry
    ) {
        let answer: Immudb_Schema_Proof? = state.withLock { state in
            guard let trusted = state.trustedSize(asked) else { return nil }
            let entry = append(&state)
            var response = Immudb_Schema_Proof(state.ledger.proof(of: entry, since: trusted))
            state.alterWrite?(&response)
            return response
        }
        guard let answer else { return call.fail(.invalidArgument, "invalid root index") }
        call.reply(answer)
    }

    private func history(_ request: Immudb_Schema_Key, _ call: ServerCall) {
        let state = state.withLock { $0 }
        var response = Immudb_Schema_ItemList()
        for entry in state.ledger.entries.reversed() where entry.key == [UInt8](request.key) {
            response.items.append(
                .with {
                    $0.key = Data(entry.key)
                    $0.value = Data(entry.value)
                    $0.index = entry.index.rawValue
                })
        }
        state.alterHistory?(&response)
        call.reply(response)
    }

    private func inclusion(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        let state = state.withLock { $0 }
        guard state.ledger.size.contains(EntryIndex(request.index)) else {
            return call.fail(.notFound, "index not found")
        }
        let entry = state.ledger.entries[Int(request.index)]
        var response = Immudb_Schema_InclusionProof()
        response.index = request.index
        response.at = state.ledger.size.rawValue - 1
        response.root = Data(state.ledger.root.root.bytes)
        response.leaf = Data(entry.leaf.bytes)
        response.path = state.ledger.inclusionProof(of: entry.index).path.map { Data($0.bytes) }
        state.alterInclusion?(&response)
        call.reply(response)
    }

    private func byIndex(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        let state = state.withLock { $0 }
        guard state.ledger.size.contains(EntryIndex(request.index)), !state.deniesEntries else {
            return call.fail(.notFound, "index not found")
        }
        if let error = state.refusal?(request.index..<request.index + 1) {
            return call.fail(error.code, error.message)
        }
        let entry = state.ledger.entries[Int(request.index)]
        var response = Immudb_Schema_Item()
        response.key = Data(entry.key)
        response.value = Data(entry.value)
        response.index = entry.index.rawValue
        state.alterByIndex?(&response)
        call.reply(response)
    }

    private func page(_ request: Immudb_Schema_IScanOptions, _ call: ServerCall) {
        let state = state.withLock { $0 }
        guard state.servesPages else {
            return call.reply(Immudb_Schema_Page.with { $0.items = state.page })
        }
        let start = Int(request.pageSize * (request.pageNumber - 1))
        guard start < state.ledger.entries.count, !state.deniesEntries else {
            return call.fail(.notFound, "page not found")
        }
        let entries = state.ledger.entries[start...].prefix(Int(request.pageSize))
        if let error = state.refusal?(UInt64(entries.startIndex)..<UInt64(entries.endIndex)) {
            return call.fail(error.code, error.message)
        }
        call.reply(
            Immudb_Schema_Page.with {
                $0.items = entries.map { entry in
                    var item = Immudb_Schema_Item()
                    item.key = Data(entry.key)
                    item.value = Data(entry.value)
                    item.index = entry.index.rawValue
                    state.alterByIndex?(&item)
                    return item
                }
            })
    }

    private func setBatch(_ request: Immudb_Schema_KVList, _ call: ServerCall) {
        let response = state.withLock { state in
            for entry in request.kvs {
                let value = [UInt8](entry.value)
                state.ledger.append([UInt8](entry.key), state.alterValue?(value) ?? value)
            }
            var response = Immudb_Schema_Index()
            response.index = state.ledger.size.rawValue - 1
            state.alterBatch?(&response)
            return response
        }
        call.reply(response)
    }

    /// Logs in the only user, whose token is the password.
    private func login(_ request: Immudb_Schema_LoginRequest, _ call: ServerCall) {
        guard request.user == Data("immu".utf8), !request.password.isEmpty else {
            return call.fail(.permissionDenied, "invalid user or password")
        }
        var response = Immudb_Schema_LoginResponse()
        response.token = request.password
        call.reply(response)
    }

    /// Counts keys for logged-in callers.
    private func count(_ call: ServerCall) {
        guard call.metadata.first(ImmuMetadata.authorization) == "Bearer Secret!1" else {
            return refuseWithoutToken(call)
        }
        call.reply(Immudb_Schema_ItemsCount.with { $0.count = 7 })
    }

    private func refuseWithoutToken(_ call: ServerCall) {
        call.fail(.unauthenticated, "no Authorization header found on request")
    }

    private func consistency(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        let token = call.metadata.first(ImmuMetadata.authorization)
        let state = state.withLock { state in
            state.consistencyTokens.append(token)
            if state.ignoresConsistency { state.ignoredConsistencyCount += 1 }
            return state
        }
        if state.ignoresConsistency { return }
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
    /// Returns the size of the tree that a client trusts, or 0 if it trusts none.
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
    package init(_ proof: UncheckedProof) {
        self.init()
        leaf = Data(proof.leaf)
        index = proof.index
        at = proof.at
        root = Data(proof.root)
        inclusionPath = proof.inclusionPath.map { Data($0) }
        consistencyPath = proof.consistencyPath.map { Data($0) }
    }
}
