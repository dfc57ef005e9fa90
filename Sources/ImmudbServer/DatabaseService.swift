import ImmudbProtocol
public import ImmudbStore
public import RPCTransport
import SwiftProtobuf

/// The remote procedures of `ImmuService`, answered from one database.
///
/// A handler runs on a worker thread of the transport. Reads take the newest snapshot and answer on
/// that thread. Writes hand their entries to the database and return; the answer leaves from the
/// database's publisher once the entries are durable, so a worker never waits for a disk to sync.
/// There is no task and no actor in a call's way.
///
/// Here are the table of methods and what all handlers share; `DatabaseService+Reads`, `+Writes`
/// and `+Tree` hold the handlers.
public struct DatabaseService: Sendable {
    let database: Database
    let log: ServerLog
    /// No answer is larger than this many bytes, see `AnswerBudget`.
    let maxAnswerByteCount: Int
    let proofs = ProofQueue()
    let faults: FaultLog

    public init(database: Database, log: ServerLog, maxAnswerByteCount: Int) {
        self.database = database
        self.log = log
        faults = FaultLog(log)
        self.maxAnswerByteCount = maxAnswerByteCount
    }

    /// All 36 methods. Those that later versions bring answer Unimplemented by name.
    public var methods: [RPCMethod] {
        let implemented: [(path: String, method: RPCMethod)] = [
            (ImmuService.health, .unary(ImmuService.health, health)),
            (ImmuService.currentRoot, .unary(ImmuService.currentRoot, on: .eventLoop, currentRoot)),
            (ImmuService.set, .unary(ImmuService.set, set)),
            (ImmuService.safeSet, .unary(ImmuService.safeSet, safeSet)),
            (ImmuService.setBatch, .unary(ImmuService.setBatch, on: .blocking, setBatch)),
            (ImmuService.get, .unary(ImmuService.get, get)),
            (ImmuService.safeGet, .unary(ImmuService.safeGet, safeGet)),
            (ImmuService.getBatch, .unary(ImmuService.getBatch, on: .blocking, getBatch)),
            (ImmuService.byIndex, .unary(ImmuService.byIndex, byIndex)),
            (ImmuService.history, .unary(ImmuService.history, on: .blocking, history)),
            (ImmuService.inclusion, .unary(ImmuService.inclusion, inclusion)),
            (ImmuService.consistency, .unary(ImmuService.consistency, consistency)),
        ]
        let paths = Set(implemented.map(\.path))
        let others = ImmuService.methods.filter { !paths.contains($0.path) }
        return implemented.map(\.method) + others.map(Self.unimplemented)
    }

    /// Takes any message: fields that Empty does not know are skipped.
    private static func unimplemented(_ method: ImmuService.Method) -> RPCMethod {
        .unary(method.path, on: .eventLoop) { (_: Google_Protobuf_Empty, call: ServerCall) in
            call.fail(.unimplemented, "\(method.name) is not implemented yet")
        }
    }
}

// MARK: answers

extension DatabaseService {
    /// Answers a call with what `body` returns, or with the status of what it throws.
    func answer(_ call: ServerCall, _ body: () throws -> some Message) {
        do {
            call.reply(try body())
        } catch {
            refuse(call, Refusal(error))
        }
    }

    /// As `answer`, with a message that is encoded already.
    func answerBytes(_ call: ServerCall, _ body: () throws -> FramedBytes) {
        do {
            call.reply(try body())
        } catch {
            refuse(call, Refusal(error))
        }
    }

    /// Answers with an error. What is not the caller's doing is logged in full: a client learns
    /// that the server has a problem, the operator which file.
    func refuse(_ call: ServerCall, _ refusal: Refusal) {
        if let fault = refusal.fault {
            faults.report("\(call.method): \(fault)")
        }
        call.fail(refusal.code, refusal.message)
    }
}
