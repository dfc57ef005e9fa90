import ImmudbOperations
import ImmudbStore
import POSIX
import RPCTransport

// Refuses calls once damage of entries was found: by the self-check, by a read, or at the start.

extension DatabaseService {
    /// Returns a method that is refused once damage was found, since new entries could hide it.
    ///
    /// The status is not DATA_LOSS, since a client could not tell from that whether its entry was stored.
    func refusingWritesOfDamaged(_ method: RPCMethod) -> RPCMethod {
        method.intercepted { [operations] _ throws(RPCError) in
            guard let damage = operations.damage else { return }
            throw RPCError(.failedPrecondition, damage.refusalOfWrites)
        }
    }

    /// Returns a method that is refused once damage was found, unless the server serves intact entries.
    func refusingReadsOfDamaged(_ method: RPCMethod) -> RPCMethod {
        method.intercepted { [operations] _ throws(RPCError) in
            guard let damage = operations.damage, damage.refusesReads else { return }
            throw RPCError(.dataLoss, damage.refusalOfReads)
        }
    }
}

extension DatabaseOperations.DamagedState {
    var refusalOfReads: String {
        "\(finding). No data is served until it is restored or repaired, or the server is started with "
            + "--serve-damaged; immudb verify names all damage"
    }

    var refusalOfWrites: String {
        guard !refusesReads else { return "not stored: \(refusalOfReads)" }
        return
            "not stored: \(finding). No write is taken until it is restored or repaired; reads of entries that "
            + "are whole are answered"
    }

    /// The original's text, and the entries. Only the log names the files.
    private var finding: String {
        let what =
            report.first.isTampering
            ? "we detected possible tampering" : "stored bytes are damaged"
        return "the database should be checked manually as \(what): \(entries)"
    }

    /// The damaged entries, in a short text for people.
    var entries: String {
        let range = report.first.entries
        let first =
            range.lowerBound == range.upperBound
            ? "entry \(range.lowerBound)"
            : "one of the entries \(range.lowerBound) to \(range.upperBound)"
        return report.placeCount == 1
            ? first : "\(first) and \(counted(report.placeCount - 1, "more place"))"
    }
}
