import ImmudbOperations
import ImmudbProtocol
public import ImmudbStore
public import Logging
public import RPCTransport
import SwiftProtobuf

/// The remote procedures of `ImmuService`: 0.6's wire on the operations of one database.
///
/// A handler turns a message into the arguments of an operation, and its result into an answer, or its
/// error into a status (`Refusal`). It runs on a worker thread of the transport. Reads answer on that
/// thread. Writes return; the answer leaves from the database's publisher once the entries are durable, so
/// a worker never waits for a disk to sync. There is no task and no actor in a call's way.
///
/// Here are the table of methods and what all handlers share. The handlers are in
/// `DatabaseService+Writes`, `+Reads`, `+Walks`, `+Tree` and `+Dump`; `+Structured` has those of
/// the methods whose names end in SV, `+Entries` how large entries are answered with.
public final class DatabaseService: Sendable {
    let operations: DatabaseOperations
    let log: Logger
    let faults: FaultLog

    /// - Parameter maxAnswerByteCount: no answer has more bytes, unless one entry alone has.
    /// - Throws: `Errno` when the system gives no thread.
    public init(database: Database, log: Logger, maxAnswerByteCount: Int) throws {
        operations = try DatabaseOperations(
            on: database,
            answerLimit: .init(
                byteCount: maxAnswerByteCount, entryOverheadByteCount: itemOverheadByteCount))
        self.log = log.of(.calls)
        faults = FaultLog(self.log)
    }

    /// All methods on the data, and those that clients of later releases of the original call first, which are not
    /// implemented. Users are another service's: see `AccountService`.
    public var methods: [RPCMethod] {
        writes + reads + walks + tree
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

    private var tree: [RPCMethod] {
        [
            .measured(ImmuService.health, health),
            .measured(ImmuService.currentRoot, on: .eventLoop, currentRoot),
            .measured(ImmuService.inclusion, inclusion),
            .measured(ImmuService.consistency, consistency),
        ]
    }

    /// Takes any message: fields that Empty does not know are skipped.
    private func unimplemented(_ path: String, _ name: String) -> RPCMethod {
        .measured(path, on: .eventLoop) { [log] (_: Google_Protobuf_Empty, call: ServerCall) in
            log.debug("\(name.lowercased()): not implemented", of: call)
            call.fail(.unimplemented, "\(name) is not implemented: \(Self.advice)")
        }
    }

    /// For people with a client of another release.
    private static let advice =
        "this server speaks the protocol of immudb 0.6. A client of a later release needs a later server"
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
        report(refusal, of: call)
        call.fail(refusal.code, refusal.message)
    }

    func report(_ refusal: Refusal, of call: some LoggedCall) {
        faults.report(refusal, of: call)
    }
}
