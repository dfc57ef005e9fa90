public import ImmudbModel
import ImmudbProtocol
import MerkleTree
import POSIX
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A root by which somebody outside of the server remembers its history.
public enum KnownRoot {
    /// The largest receipt that is read; it has an entry as hexadecimal digits.
    private static let fileByteLimit = 256 << 20

    /// Reads a root: `<64 digits>@<size>`, or the path of a client's root file, `.root-<uuid>`, or of a receipt.
    ///
    /// - Throws: `incompatibleFormat` for anything else, and for a root of no entries, which every history has.
    public static func read(_ text: String) throws(StoreError) -> TrustedRoot {
        let root: TrustedRoot
        if let given = TrustedRoot(text) { root = given } else { root = try ofFile(text) }
        guard !root.size.isEmpty else {
            throw StoreError(
                .incompatibleFormat, "\"\(text)\": a root of no entries proves nothing")
        }
        return root
    }

    private static func ofFile(_ text: String) throws(StoreError) -> TrustedRoot {
        let bytes: [UInt8]
        do {
            let file = try FileDescriptor.opening(text, .readOnly)
            bytes = try file.closeAfter { try file.bytes(upTo: fileByteLimit) }
        } catch {
            throw StoreError(
                .incompatibleFormat,
                "\"\(text)\" is neither a root, <64 hexadecimal digits>@<size>, nor a file that can be read: "
                    + "\(error)")
        }
        guard let root = ofReceipt(bytes) ?? ofRootFile(bytes) else {
            throw StoreError(
                .incompatibleFormat,
                "\(text) is neither a client's root file, .root-<uuid>, nor a receipt")
        }
        return root
    }

    private static func ofRootFile(_ bytes: [UInt8]) -> TrustedRoot? {
        guard let message = try? Immudb_Schema_Root(serializedBytes: bytes) else { return nil }
        return try? TrustedRoot(lastIndex: message.index, rootBytes: Array(message.root))
    }

    private static func ofReceipt(_ bytes: [UInt8]) -> TrustedRoot? {
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        // Version 2 has a signed tree as well, in fields of other names.
        let firstLines = ["immudb receipt 1", "immudb receipt 2"]
        guard let first = lines.first,
            firstLines.contains(where: { first.elementsEqual($0.utf8) })
        else { return nil }
        func value(_ name: String) -> String? {
            let prefix = Array("\(name): ".utf8)
            let line = lines.first { $0.starts(with: prefix) }
            return line.map { String(decoding: $0.dropFirst(prefix.count), as: UTF8.self) }
        }
        guard let index = value("root-index").flatMap({ UInt64($0) }),
            let size = TreeSize(endingAt: index),
            let root = value("root").flatMap({ Digest(hex: $0) })
        else { return nil }
        return TrustedRoot(size: size, root: root)
    }
}
