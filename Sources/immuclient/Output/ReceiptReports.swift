import ClientKit
import ImmudbClient
import MerkleTree

/// A receipt, as the text to be kept.
struct ReceiptReport: Report {
    let receipt: Receipt

    func text(_ display: Display) -> [UInt8] { display.shown(Array(receipt.text.utf8)) }

    var json: JSONObject {
        [
            "index": .number(receipt.entry.index.rawValue), "server": .text(receipt.server.text),
            "receipt": .text(receipt.text),
        ]
    }
}

/// The result of checking a receipt.
struct VerifiedReceiptReport: Report {
    /// The source that confirmed the receipt's root.
    enum Trust: String {
        case given, signed, stored, noted, server, nobody
    }

    let receipt: Receipt
    /// Whether the entry is in the tree of the receipt's root. This does not depend on who made that tree.
    var doesProve = false
    var trust = Trust.nobody

    var isVerified: Bool { doesProve && trust != .nobody }

    private var entry: EntryReport { EntryReport(entry: receipt.entry, isVerified: isVerified) }

    func text(_ display: Display) -> [UInt8] {
        let trusted =
            switch trust {
            case .given: "the root that you gave"
            case .signed: "the server has signed it with the key that you gave"
            case .stored: "the root that is trusted of this server"
            case .noted: "a root that was verified here when a receipt was written"
            case .server: "the server has it in its history, which continues the trusted one"
            case .nobody: "nobody has confirmed this root"
            }
        let lines = """
            root:\t\t\(receipt.root.root.hex) at index: \(receipt.root.size.lastIndex ?? EntryIndex(0))
            server:\t\t\(receipt.server.text)
            proof:\t\t\(doesProve ? "holds" : "does not hold")
            trusted:\t\(trusted)

            """
        return entry.text(display) + Array(lines.utf8)
    }

    var json: JSONObject {
        var object = entry.json
        object["root"] = .text(receipt.root.root.hex)
        object["rootIndex"] = receipt.root.size.lastIndex.map { .number($0.rawValue) }
        object["server"] = .text(receipt.server.text)
        object["proofHolds"] = .truth(doesProve)
        object["trustedBy"] = .text(trust.rawValue)
        return object
    }

    var value: [UInt8]? { entry.value }
}
