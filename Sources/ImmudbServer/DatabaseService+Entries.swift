import ImmudbProtocol
import ImmudbStore
import RPCTransport

/// A read of one entry that is located and not read yet.
struct EntryRead: Sendable {
    let snapshot: Snapshot
    let location: EntryLocation
    let form: ItemForm
    /// The size of the tree that the caller trusts; nil if it asks for no proof.
    var since: TreeSize?
    /// The call's name in the log and the requested key; nil if the call is logged already.
    var logged: (name: StaticString, key: [UInt8])?
}

extension DatabaseService {
    /// The largest record that is read on a worker's thread, for which others wait: to read and
    /// check more takes above 100 µs.
    private static let workerByteLimit = 64 << 10

    /// Answers with one entry: at once if its record is small, else on a blocking thread, as soon as there
    /// is room beside answers that are not read.
    func answerEntry(_ call: ServerCall, _ locate: () throws -> EntryRead) {
        let read: EntryRead
        do {
            read = try locate()
        } catch {
            return refuse(call, Refusal(error))
        }
        guard read.location.byteCount > Self.workerByteLimit else {
            return answerBytes(call) { try encoded(read) }
        }
        // The record and the answer are in memory at the same time.
        call.answerLarge(byteCount: 2 * read.location.byteCount) { call in
            answerBytes(call) { try encoded(read) }
        }
    }

    private func encoded(_ read: EntryRead) throws -> FramedBytes {
        do {
            guard let since = read.since else {
                let entry = try read.snapshot.read(read.location)
                try accept(entry, read)
                return encodedItem(entry, as: read.form)
            }
            let proven = try read.snapshot.prove(read.location, since: since)
            try accept(proven.entry, read)
            return encodedSafeItem(proven, as: read.form)
        } catch {
            if let (name, key) = read.logged {
                log.debug("\(name) \(printable(key)): \(Refusal(error).message)")
            }
            throw error
        }
    }

    /// Logs an entry that was read, and refuses it if it has to be structured and is not.
    private func accept(_ entry: Entry, _ read: EntryRead) throws(Refusal) {
        if let (name, key) = read.logged {
            log.debug("\(name) \(printable(key)) \(entry.value.count) bytes")
        }
        if read.form == .structured { try requireStructured(entry) }
    }
}

extension DatabaseService {
    /// Encodes what a walk meets, page by page, as long as the caller waits for it.
    ///
    /// - Throws: also `not structured` if a value has to be and is not: the whole list fails, and
    ///   the message names the key.
    func encodedItems(
        of walk: some EntryWalk, as form: ItemForm, for call: ServerCall
    ) throws -> EncodedItems {
        var walk = walk
        var items = EncodedItems(as: form)
        while !walk.isAtEnd {
            try requireCaller(of: call)
            let entries = try walk.nextPage()
            if form == .structured { try requireStructured(entries) }
            items.append(entries)
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

    /// - Throws: a refusal if the stored value is no `Content`.
    func requireStructured(_ entry: Entry) throws(Refusal) {
        guard Immudb_Schema_Content.isStoredValue(entry.value) else { throw Refusal.notStructured }
    }
}
