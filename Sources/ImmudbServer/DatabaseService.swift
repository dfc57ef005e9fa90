import ImmudbOperations
import ImmudbProtocol
public import ImmudbStore
public import Logging
public import RPCTransport
import SwiftProtobuf

/// The remote procedures of `ImmuService`: 0.6's wire on the operations of one database.
///
/// A handler turns a message into the arguments of an operation, and its result into an answer or
/// its error into a status (`Refusal`). It runs on a worker thread of the transport. A read answers
/// on that thread. A write returns, and the database's publisher answers once the entries are
/// durable, so a worker never waits for a disk to sync. No call goes through a task or an actor.
///
/// This file has the table of methods and the functions that all handlers share. The handlers are
/// in `DatabaseService+Writes`, `+Reads`, `+Walks`, `+Tree` and `+Dump`. `+Structured` has the
/// methods whose names end in SV, and `+Entries` answers with large entries.
public final class DatabaseService: Sendable {
    let operations: DatabaseOperations
    let log: Logger
    let faults: FaultLog
    /// Signs roots; nil if roots are not signed.
    let signer: RootSigner?

    /// - Parameters:
    ///   - maxAnswerByteCount: the maximum number of bytes of an answer, unless a single entry is
    ///     larger.
    ///   - servesDamaged: whether reads are still served after damage of entries was found.
    ///   - companions: databases whose damage also counts for the health.
    /// - Throws: `Errno` if the system cannot start a thread.
    public convenience init(
        database: Database, log: Logger, maxAnswerByteCount: Int, servesDamaged: Bool = false,
        beside companions: [Database] = []
    ) throws {
        try self.init(
            database: database, log: log, maxAnswerByteCount: maxAnswerByteCount,
            servesDamaged: servesDamaged, beside: companions, signer: nil)
    }

    init(
        database: Database, log: Logger, maxAnswerByteCount: Int, servesDamaged: Bool,
        beside companions: [Database], signer: RootSigner?
    ) throws {
        self.signer = signer
        operations = try DatabaseOperations(
            on: database,
            answerLimit: .init(
                byteCount: maxAnswerByteCount, entryOverheadByteCount: itemOverheadByteCount),
            servesDamaged: servesDamaged, beside: companions)
        self.log = log.of(.calls)
        faults = FaultLog(self.log)
    }

    /// All methods on the data, and the unimplemented methods that clients of later releases of the
    /// original call first. `AccountService` has the methods about users.
    public var methods: [RPCMethod] {
        writes.map(refusingWritesOfDamaged) + (reads + walks + proofs).map(refusingReadsOfDamaged)
            + state
            + ImmuService.laterMethods.map {
                unimplemented($0, $0.split(separator: "/").last.map(String.init) ?? $0)
            }
    }

    private var writes: [RPCMethod] {
        [
            .measured(ImmuService.set, set),
            .measured(ImmuService.setSV, setStructured),
            .measured(ImmuService.safeSet, safeSet),
            .measured(ImmuService.safeSetSV, safeSetStructured),
            .measured(
                ImmuService.setBatch, on: .bulk, elementLimit: Limits.batchEntryCount,
                excess: Self.tooManyEntries, setBatch),
            .measured(
                ImmuService.setBatchSV, on: .bulk, elementLimit: Limits.batchEntryCount,
                excess: Self.tooManyEntries, setBatchStructured),
            .measured(ImmuService.reference, reference),
            .measured(ImmuService.safeReference, safeReference),
            .measured(ImmuService.zAdd, zAdd),
            .measured(ImmuService.safeZAdd, safeZAdd),
        ]
    }

    private var reads: [RPCMethod] {
        [
            .measured(ImmuService.get, get),
            .measured(ImmuService.getSV, getStructured),
            .measured(ImmuService.safeGet, safeGet),
            .measured(ImmuService.safeGetSV, safeGetStructured),
            .measured(
                ImmuService.getBatch, on: .walks, elementLimit: Self.batchKeyLimit,
                excess: Self.tooManyKeys, getBatch),
            .measured(
                ImmuService.getBatchSV, on: .walks, elementLimit: Self.batchKeyLimit,
                excess: Self.tooManyKeys, getBatchStructured),
            .measured(ImmuService.byIndex, byIndex),
            .measured(ImmuService.byIndexSV, byIndexStructured),
            .measured(ImmuService.history, on: .walks, history),
            .measured(ImmuService.historySV, on: .walks, historyStructured),
        ]
    }

    private var walks: [RPCMethod] {
        [
            .measured(ImmuService.scan, on: .walks, scan),
            .measured(ImmuService.scanSV, on: .walks, scanStructured),
            .measured(ImmuService.zScan, on: .walks, zScan),
            .measured(ImmuService.zScanSV, on: .walks, zScanStructured),
            .measured(ImmuService.iScan, on: .walks, iScan),
            .measured(ImmuService.iScanSV, on: .walks, iScanStructured),
            .measured(ImmuService.count, on: .walks, count),
            .measuredStreaming(ImmuService.dump, dump),
        ]
    }

    private var proofs: [RPCMethod] {
        [
            .measured(ImmuService.inclusion, inclusion),
            .measured(ImmuService.consistency, consistency),
        ]
    }

    /// Methods that are answered even if entries are damaged.
    private var state: [RPCMethod] {
        [
            .measured(ImmuService.health, health),
            // A signature takes too long for an event loop.
            .measured(
                ImmuService.currentRoot, on: signer == nil ? .eventLoop : .points, currentRoot),
        ]
    }

    /// Takes any message: decoding skips the fields that `Empty` does not have.
    private func unimplemented(_ path: String, _ name: String) -> RPCMethod {
        .measured(path, on: .eventLoop) { [log] (_: Google_Protobuf_Empty, call: ServerCall) in
            log.debug("\(name.lowercased()): not implemented", of: call)
            call.fail(.unimplemented, "\(name) is not implemented: \(Self.advice)")
        }
    }

    /// The advice to users of clients of another release.
    private static let advice =
        "this server speaks the protocol of immudb 0.6. A client of a later release needs a later server"
}

// MARK: answers

extension DatabaseService {
    /// Answers a call with the result of `body`, or with the status of its error.
    func answer(_ call: ServerCall, _ body: () throws -> some Message) {
        do {
            call.reply(try body())
        } catch {
            refuse(call, Refusal(error))
        }
    }

    /// Answers a call with the encoded message that `body` returns, or with the status of its
    /// error.
    func answerBytes(_ call: ServerCall, _ body: () throws -> FramedBytes) {
        do {
            call.reply(try body())
        } catch {
            refuse(call, Refusal(error))
        }
    }

    /// Answers with an error. An error that the caller did not cause is logged in full: the client
    /// learns that the server has a problem, and the operator learns which file has it.
    func refuse(_ call: ServerCall, _ refusal: Refusal) {
        report(refusal, of: call)
        call.fail(refusal.code, refusal.message)
    }

    func report(_ refusal: Refusal, of call: some LoggedCall) {
        faults.report(refusal, of: call)
    }
}
