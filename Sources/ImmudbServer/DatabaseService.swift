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
/// Here are the table of methods and what all handlers share. The handlers are in
/// `DatabaseService+Writes`, `+Reads`, `+Walks`, `+Tree` and `+Dump`; `+Structured` has those of
/// the methods whose names end in SV, `+Entries` how large entries are answered with.
public struct DatabaseService: Sendable {
    let database: Database
    let log: ServerLog
    /// No answer is larger than this many bytes, see `AnswerRoom`.
    let maxAnswerByteCount: Int
    let proofs = ProofQueue()
    let faults: FaultLog

    public init(database: Database, log: ServerLog, maxAnswerByteCount: Int) {
        self.database = database
        self.log = log
        faults = FaultLog(log)
        self.maxAnswerByteCount = maxAnswerByteCount
    }

    /// All 36 methods. Those that a later release brings answer Unimplemented by name.
    public var methods: [RPCMethod] {
        let implemented = writes + reads + walks + tree
        let paths = Set(implemented.map(\.path))
        let others = ImmuService.methods.filter { !paths.contains($0.path) }
        return implemented + others.map(unimplemented)
    }

    private var writes: [RPCMethod] {
        [
            .unary(ImmuService.set, set),
            .unary(ImmuService.setSV, setStructured),
            .unary(ImmuService.safeSet, safeSet),
            .unary(ImmuService.safeSetSV, safeSetStructured),
            .unary(ImmuService.setBatch, on: .writes, setBatch),
            .unary(ImmuService.setBatchSV, on: .writes, setBatchStructured),
            .unary(ImmuService.reference, reference),
            .unary(ImmuService.safeReference, safeReference),
            .unary(ImmuService.zAdd, zAdd),
            .unary(ImmuService.safeZAdd, safeZAdd),
        ]
    }

    private var reads: [RPCMethod] {
        [
            .unary(ImmuService.get, get),
            .unary(ImmuService.getSV, getStructured),
            .unary(ImmuService.safeGet, safeGet),
            .unary(ImmuService.safeGetSV, safeGetStructured),
            .unary(ImmuService.getBatch, on: .walks, getBatch),
            .unary(ImmuService.getBatchSV, on: .walks, getBatchStructured),
            .unary(ImmuService.byIndex, byIndex),
            .unary(ImmuService.byIndexSV, byIndexStructured),
            .unary(ImmuService.history, on: .walks, history),
            .unary(ImmuService.historySV, on: .walks, historyStructured),
        ]
    }

    private var walks: [RPCMethod] {
        [
            .unary(ImmuService.scan, on: .walks, scan),
            .unary(ImmuService.scanSV, on: .walks, scanStructured),
            .unary(ImmuService.zScan, on: .walks, zScan),
            .unary(ImmuService.zScanSV, on: .walks, zScanStructured),
            .unary(ImmuService.iScan, on: .walks, iScan),
            .unary(ImmuService.iScanSV, on: .walks, iScanStructured),
            .unary(ImmuService.count, on: .walks, count),
            .serverStreaming(ImmuService.dump, dump),
        ]
    }

    private var tree: [RPCMethod] {
        [
            .unary(ImmuService.health, health),
            .unary(ImmuService.currentRoot, on: .eventLoop, currentRoot),
            .unary(ImmuService.inclusion, inclusion),
            .unary(ImmuService.consistency, consistency),
        ]
    }

    /// Takes any message: fields that Empty does not know are skipped.
    private func unimplemented(_ method: ImmuService.Method) -> RPCMethod {
        .unary(method.path, on: .eventLoop) { (_: Google_Protobuf_Empty, call: ServerCall) in
            log.debug("\(method.name.lowercased()): not implemented")
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
        report(refusal, method: call.method)
        call.fail(refusal.code, refusal.message)
    }

    func report(_ refusal: Refusal, method: String) {
        if let fault = refusal.fault { faults.report("\(method): \(fault)") }
    }
}
