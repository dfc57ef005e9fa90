import ImmudbOperations
import ImmudbProtocol
import ImmudbStore
import RPCTransport

/// A located entry that is not read yet.
struct EntryRead: Sendable {
    let pending: PendingRead
    let form: ItemForm
    /// The call's name in the log and the requested key, or nil if the call was logged before.
    var logged: (name: StaticString, key: [UInt8])?
}

extension DatabaseService {
    /// The largest record that is read on a worker's thread. Reading and checking a larger one
    /// takes more than 100 µs, and other calls would wait.
    private static let workerByteLimit = 64 << 10

    /// Answers with one entry. A small record is read at once; a larger one on a blocking thread,
    /// as soon as unread answers leave memory for it.
    func answerEntry(_ call: ServerCall, _ locate: () throws -> EntryRead) {
        let read: EntryRead
        do {
            read = try locate()
        } catch {
            return refuse(call, Refusal(error))
        }
        guard read.pending.byteCount > Self.workerByteLimit else {
            return answerBytes(call) { try encoded(read, for: call) }
        }
        // The record and the answer are in memory at the same time.
        call.answerLarge(byteCount: 2 * read.pending.byteCount) { [self] call in
            answerBytes(call) { try encoded(read, for: call) }
        }
    }

    private func encoded(_ read: EntryRead, for call: ServerCall) throws -> FramedBytes {
        do {
            let (entry, proof) = try read.pending.complete()
            try accept(entry, read, for: call)
            guard let proof else { return encodedItem(entry, as: read.form) }
            return encodedSafeItem(ProvenEntry(entry: entry, proof: proof), as: read.form)
        } catch {
            if let (name, key) = read.logged {
                log.debug("\(name) \(printable(key)): \(Refusal(error).message)", of: call)
            }
            throw error
        }
    }

    /// Logs an entry that was read, and refuses it if it is not structured but must be.
    private func accept(
        _ entry: Entry, _ read: EntryRead, for call: ServerCall
    ) throws(Refusal) {
        if let (name, key) = read.logged {
            log.debug("\(name) \(printable(key)) \(entry.value.count) bytes", of: call)
        }
        if read.form == .structured { try requireStructured(entry) }
    }
}

extension DatabaseService {
    /// Encodes the entries that an operation passes on, page by page.
    ///
    /// - Parameters:
    ///   - advice: tells the client what to do if the list is too large for one answer.
    ///   - operation: receives the function that takes a page.
    /// - Throws: `not structured` if a value must be structured and is not: the whole list fails,
    ///   and the message names the key. Otherwise the operation's error.
    func encodedItems(
        as form: ItemForm, tooLarge advice: String = "ask for less at a time",
        _ operation: (([Entry]) throws -> Void) throws -> Void
    ) throws -> EncodedItems {
        var items = EncodedItems(as: form)
        do {
            try operation { page in
                if form == .structured { try requireStructured(page) }
                items.append(page)
            }
        } catch OperationError.answerTooLarge(let byteLimit) {
            throw Refusal.tooLargeAnswer(byteLimit, advice)
        }
        return items
    }

    func requireStructured(_ entries: [Entry]) throws(Refusal) {
        for entry in entries {
            do throws(Refusal) {
                try requireStructured(entry)
            } catch {
                throw Refusal(error.code, "\(error.message): key \(printable(entry.key))")
            }
        }
    }

    /// - Throws: a refusal if the stored value is not a `Content`.
    func requireStructured(_ entry: Entry) throws(Refusal) {
        guard Immudb_Schema_Content.isStoredValue(entry.value) else { throw Refusal.notStructured }
    }
}
