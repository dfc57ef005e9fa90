import ClientKit
import Foundation
import ImmudbClient
import MerkleTree

/// Last index and root of the server's tree.
struct RootReport: Report {
    let signed: SignedRoot
    let server: ServerIdentity

    private var root: TrustedRoot { signed.root }

    func text(_ display: Display) -> [UInt8] {
        guard let last = root.size.lastIndex else { return Array("immudb is empty\n".utf8) }
        return Array("index:\t\t\(last)\nhash:\t\t\(root.root.hex)\n".utf8)
    }

    var json: JSONObject {
        var object: JSONObject = [
            "size": .number(root.size.rawValue), "hash": .text(root.root.hex),
            "server": .text(server.text),
        ]
        if !root.size.isEmpty { object["phrase"] = .text(root.root.phrase) }
        object["index"] = root.size.lastIndex.map { .number($0.rawValue) }
        if let signature = signed.signature {
            object["signature"] = .text(Data(signature.signature).base64EncodedString())
            object["publicKey"] = .text(Data(signature.publicKey).base64EncodedString())
        }
        return object
    }
}

/// Whether a leaf is in a tree.
struct InclusionReport: Report {
    let checked: CheckedInclusion
    let index: EntryIndex

    private var isVerified: Bool { checked.failure == nil }
    private var rootIndex: EntryIndex { checked.tree.size.lastIndex ?? EntryIndex(0) }

    func text(_ display: Display) -> [UInt8] {
        let text = """
            verified: \(isVerified)\u{20}
            hash: \(checked.leaf.hex) at index: \(index)\u{20}
            root: \(checked.tree.root.hex) at index: \(rootIndex)\u{20}

            """
        return Array(text.utf8)
    }

    var json: JSONObject {
        [
            "verified": .truth(isVerified), "hash": .text(checked.leaf.hex),
            "index": .number(index.rawValue), "root": .text(checked.tree.root.hex),
            "rootIndex": .number(rootIndex.rawValue),
            "trustedBy": .text(checked.isTreeTrusted ? "stored" : "nobody"),
        ]
    }
}

/// Whether a tree begins with an older one.
struct ConsistencyReport: Report {
    let isVerified: Bool
    let firstRoot: Digest
    let firstIndex: EntryIndex
    let secondRoot: Digest
    let secondIndex: EntryIndex

    func text(_ display: Display) -> [UInt8] {
        // As in the original: the first root is shown only if it was verified.
        let text = """
            verified: \(isVerified)\u{20}
            firstRoot: \(isVerified ? firstRoot.hex : "") at index: \(firstIndex)\u{20}
            secondRoot: \(secondRoot.hex) at index: \(secondIndex)\u{20}

            """
        return Array(text.utf8)
    }

    var json: JSONObject {
        [
            "verified": .truth(isVerified), "firstRoot": .text(firstRoot.hex),
            "firstIndex": .number(firstIndex.rawValue), "secondRoot": .text(secondRoot.hex),
            "secondIndex": .number(secondIndex.rawValue),
        ]
    }
}
