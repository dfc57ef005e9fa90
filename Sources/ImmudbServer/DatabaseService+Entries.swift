import ImmudbProtocol
import ImmudbStore
import RPCTransport

/// An entry is too large to be read on a worker's thread.
struct LargeEntry: Error {
    /// Of its record.
    var byteCount: Int
}

extension DatabaseService {
    /// The largest record that is read on a worker's thread, for which others wait: to read and
    /// check more takes above 100 µs.
    private static let workerByteLimit = 64 << 10

    /// Answers with what `make` makes of one entry: at once if its record is small, else on a
    /// blocking thread, as soon as there is room beside answers that are not read.
    ///
    /// - Parameter make: gets the service, the request and the most bytes that a record may have,
    ///   and throws `LargeEntry` for a larger one. Without captures it costs no allocation.
    func answerEntry<Request: Sendable>(
        _ request: Request, _ call: ServerCall,
        _ make: @escaping @Sendable (Self, Request, Int) throws -> FramedBytes
    ) {
        do {
            call.reply(try make(self, request, Self.workerByteLimit))
        } catch let large as LargeEntry {
            // The record and the answer are in memory at the same time.
            call.answerLarge(byteCount: 2 * large.byteCount) { call in
                answerBytes(call) { try make(self, request, .max) }
            }
        } catch {
            refuse(call, Refusal(error))
        }
    }
}

extension Sized {
    func get() throws(LargeEntry) -> Value {
        switch self {
        case .value(let value): return value
        case .larger(let byteCount): throw LargeEntry(byteCount: byteCount)
        }
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
