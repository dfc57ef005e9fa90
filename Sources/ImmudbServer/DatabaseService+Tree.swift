import ImmudbProtocol
import ImmudbStore
import MerkleTree
import RPCTransport
import SwiftProtobuf

extension DatabaseService {
    /// True if writes are taken and a key can be looked up: found or not, but not failed. Never an
    /// error.
    func health(_ request: Google_Protobuf_Empty, _ call: ServerCall) {
        let isReadable: Bool
        do {
            _ = try database.snapshot.newest([0xff])
            isReadable = true
        } catch {
            faults.report("health check: \(error)")
            isReadable = false
        }
        let isHealthy = isReadable && database.health.isWritable
        log.debug("health check: \(isHealthy)")
        call.reply(Immudb_Schema_HealthResponse.with { $0.status = isHealthy })
    }

    func currentRoot(_ request: Google_Protobuf_Empty, _ call: ServerCall) {
        let snapshot = database.snapshot
        log.debug("current root of \(snapshot.size) entries")
        call.reply(Immudb_Schema_Root(snapshot))
    }

    func inclusion(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answer(call) {
            let snapshot = database.snapshot
            let index = EntryIndex(request.index)
            log.debug("inclusion \(index)")
            guard snapshot.size.contains(index) else { throw Refusal.indexNotFound }
            let proof = try snapshot.proof(of: index, since: snapshot.size)
            return Immudb_Schema_InclusionProof.with {
                $0.at = proof.size.lastIndexOnWire
                $0.index = proof.index.rawValue
                $0.root = proof.root.data
                $0.leaf = proof.leaf.data
                $0.path = proof.inclusion.path.map(\.data)
            }
        }
    }

    /// The first root stays empty, as it always was: a client fills in its own once the proof has
    /// held.
    func consistency(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answer(call) {
            let snapshot = database.snapshot
            let first = EntryIndex(request.index)
            log.debug("consistency \(first)")
            guard snapshot.size.contains(first) else { throw Refusal.indexNotFound }
            let proof = try snapshot.consistencyProof(from: TreeSize(lastIndex: first))
            return Immudb_Schema_ConsistencyProof.with {
                $0.first = first.rawValue
                $0.second = snapshot.size.lastIndexOnWire
                $0.secondRoot = snapshot.root.data
                $0.path = proof.path.map(\.data)
            }
        }
    }
}
