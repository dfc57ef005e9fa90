import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import Logging
import RPCTransport
import SwiftProtobuf

extension DatabaseService {
    /// Answers true if writes are accepted and keys can be looked up, found or not. Never answers
    /// with an error; trailers name the part that does not work, and the reason.
    func health(_ request: Google_Protobuf_Empty, _ call: ServerCall) {
        let health = operations.health()
        var trailers = Metadata()
        if let damage = health.damage {
            trailers.add(ImmuMetadata.writeProblem, damage.refusalOfWrites)
            if damage.refusesReads {
                trailers.add(
                    ImmuMetadata.readProblem, "reads are refused as well: \(damage.entries)")
            }
        } else if let error = health.writeError {
            trailers.add(ImmuMetadata.writeProblem, Self.problem(error))
        } else if health.isCompanionDamaged {
            trailers.add(
                ImmuMetadata.writeProblem,
                "entries of the users' database are damaged: the log says which")
        }
        if let error = health.readError {
            faults.report(error.code.rawValue, "health check: \(error)", Logger.Metadata(call))
            if health.damage?.refusesReads != true {
                trailers.add(ImmuMetadata.readProblem, Refusal(error).message)
            }
        }
        log.debug("health check: \(health.isWhole)", of: call)
        call.reply(
            Immudb_Schema_HealthResponse.with { $0.status = health.isWhole }, trailers: trailers)
    }

    /// Names the kind of a failure. Only the log names the files.
    private static func problem(_ error: StoreError) -> String {
        guard error.code == .writesStopped else { return Refusal(error).message }
        let kind =
            switch (error.cause as? StoreError)?.code {
            case .noSpace: "the disk is full"
            case .corruption, .tampered: "stored bytes are damaged"
            case .permissionDenied: "a file may not be written"
            default: "the disk failed"
            }
        return
            "a write failed (\(kind)), and no more are taken until the server is started again; its log "
            + "says which file"
    }

    func currentRoot(_ request: Google_Protobuf_Empty, _ call: ServerCall) {
        let root = operations.root
        log.debug("current root of \(root.size) entries", of: call)
        guard let signer else { return call.reply(Immudb_Schema_Root(root)) }
        answer(call) { try signer.signed(root) }
    }

    func inclusion(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answer(call) {
            let index = EntryIndex(request.index)
            log.debug("inclusion \(index)", of: call)
            let proof = try operations.inclusion(of: index)
            return Immudb_Schema_InclusionProof.with {
                $0.at = proof.size.lastIndexOnWire
                $0.index = proof.index.rawValue
                $0.root = proof.root.data
                $0.leaf = proof.leaf.data
                $0.path = proof.inclusion.path.map(\.data)
            }
        }
    }

    /// Answers with a consistency proof. Its first root is empty, as in 0.6: a client fills in its
    /// own after it has verified the proof.
    func consistency(_ request: Immudb_Schema_Index, _ call: ServerCall) {
        answer(call) {
            let first = EntryIndex(request.index)
            log.debug("consistency \(first)", of: call)
            let (proof, tree) = try operations.consistency(since: first)
            return Immudb_Schema_ConsistencyProof.with {
                $0.first = first.rawValue
                $0.second = tree.size.lastIndexOnWire
                $0.secondRoot = tree.root.data
                $0.path = proof.path.map(\.data)
            }
        }
    }
}
