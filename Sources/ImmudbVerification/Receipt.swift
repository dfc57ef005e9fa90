public import Foundation
public import ImmudbModel
public import MerkleTree

/// One entry with the proof that it is in a server's ledger, to be kept or given away: its holder can check it years
/// later, without the server.
///
/// It proves that the entry is in the tree of `root`. Whether that tree is the server's is known only to somebody who
/// trusts the root: a client that kept it, or a reader of a paper on which it was printed.
public struct Receipt: Hashable, Sendable {
    public let server: ServerIdentity
    public let entry: Entry
    /// The tree of the proof.
    public let root: TrustedRoot
    /// The path from the entry's leaf to the root.
    public let path: [Digest]

    public init(server: ServerIdentity, entry: Entry, root: TrustedRoot, path: [Digest]) {
        self.server = server
        self.entry = entry
        self.root = root
        self.path = path
    }

    /// Verifies that the entry is in the tree of the receipt's root. Works offline: hashes the entry and one node for
    /// each node of the path.
    ///
    /// - Throws: code `.malformedProof` or `.inclusionFailed`.
    public func verify() throws(VerificationError) {
        try InclusionProof(index: entry.index, size: root.size, path: path)
            .verify(leaf: entry.leaf, root: root.root)
    }

    /// Verifies the entry against a trusted root.
    ///
    /// - Parameter trusted: must be the same tree as the receipt's. Another one, even a later one of the same server,
    ///   cannot be compared without the server.
    /// - Returns: nil if `trusted` is a tree of another size: neither confirmed nor refuted.
    /// - Throws: as `verify()`; code `.consistencyFailed` if the trees are of one size but differ.
    public func verify(trusting trusted: TrustedRoot) throws(VerificationError) -> Verified<Entry>?
    {
        try verify()
        if let conflict = trusted.conflict(with: root) {
            throw conflict.completed(index: entry.index, trusted: trusted)
        }
        return trusted == root ? Verified(value: entry, root: root) : nil
    }
}

extension Verified where Value == Entry {
    /// Makes the verified entry of a receipt whose root is trusted.
    package init(_ receipt: Receipt) throws(VerificationError) {
        try receipt.verify()
        self.init(value: receipt.entry, root: receipt.root)
    }
}

/// The reason why a text is not a receipt.
public struct ReceiptSyntaxError: LocalizedError, Hashable, Sendable, CustomStringConvertible {
    public let message: String
    /// The line, from 1.
    public let line: Int

    public var description: String { "line \(line) of the receipt: \(message)" }
    /// The same as ``description``, which `localizedDescription` then is, too.
    public var errorDescription: String? { description }
}

// The text of a receipt: a first line with the version, then `name: value` lines in this order, the
// path one line a node. Lines that begin with `#` are for people and not part of the receipt.

extension Receipt {
    private static let firstLine = "immudb receipt 1"

    /// The receipt as text; keys, values and digests in hexadecimal.
    public var text: String {
        var lines = [Self.firstLine]
        lines += comments.map { "# \($0)" }
        lines += [
            "server: \(server.text)", "index: \(entry.index)",
            "key: \(Self.hex(entry.key))", "value: \(Self.hex(entry.value))",
            "hash: \(entry.leaf.hex)", "root-index: \(root.size.lastIndex ?? EntryIndex(0))",
            "root: \(root.root.hex)",
        ]
        lines += path.map { "path: \($0.hex)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Information for people. It is not checked, since it repeats fields of the receipt.
    private var comments: [String] {
        var lines = [
            "Proves that the entry below is in the tree of the root below, which is of the immudb",
            "server named below, says who gave you this. Compare the root with one that you trust.",
            "Check it offline: immuclient verify-receipt <this file> [<root that you trust>]",
            "key as text: \(Self.shown(entry.key))", "value as text: \(Self.shown(entry.payload))",
        ]
        if let content = entry.content {
            lines.append("time as the writer's clock had it: \(Self.time(content.timestamp))")
        }
        return lines
    }

    /// Parses the text of a receipt, without verifying it.
    ///
    /// - Throws: `ReceiptSyntaxError` that names the line. Unknown, missing and repeated fields are
    ///   errors, as are digests of another length than 32 bytes.
    public init(text: String) throws(ReceiptSyntaxError) {
        var reader = ReceiptReader(text)
        try reader.expectFirstLine(Self.firstLine)
        let identity = try reader.field("server")
        guard let server = ServerIdentity(identity) else {
            throw reader.error("'\(identity)' is no identity of a server")
        }
        let index = try reader.number("index")
        let key = try reader.bytes("key")
        let value = try reader.bytes("value")
        let entry = Entry(index: EntryIndex(index), key: key, value: value)
        guard try reader.digest("hash") == entry.leaf else {
            throw reader.error("the hash is not that of index, key and value")
        }
        guard let size = TreeSize(endingAt: try reader.number("root-index")) else {
            throw reader.error("no tree is that large")
        }
        let root = try reader.digest("root")
        var path: [Digest] = []
        while !reader.isAtEnd { path.append(try reader.digest("path")) }
        self.init(
            server: server, entry: entry, root: TrustedRoot(size: size, root: root), path: path)
    }

    private static func time(_ unixSeconds: UInt64) -> String {
        // Dates after the year 9999 are not written as dates.
        guard unixSeconds < 253_402_300_800 else { return "\(unixSeconds) s after 1970" }
        return Date(timeIntervalSince1970: Double(unixSeconds)).formatted(.iso8601)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Returns one line of text, or a note that the bytes are not text: a receipt must not control a terminal.
    private static func shown(_ bytes: [UInt8]) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return "(\(bytes.count) bytes that are no text)"
        }
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            ![.control, .lineSeparator, .paragraphSeparator, .format].contains(
                scalar.properties.generalCategory)
        }
        guard isPlain else { return "(\(bytes.count) bytes with control characters)" }
        let limit = 200
        return text.count <= limit ? text : "\(text.prefix(limit))… (\(bytes.count) bytes)"
    }
}
