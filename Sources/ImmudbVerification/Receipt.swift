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
    /// The tree that the server has signed; nil if it signs no roots.
    public let signedTree: SignedTree?

    /// A tree with the entry that the server has signed, and which `root` continues: proofs lead to the newest tree, which
    /// may have grown after the signature.
    public struct SignedTree: Hashable, Sendable {
        public let root: TrustedRoot
        public let signature: RootSignature
        /// The proof that the receipt's tree begins with this one.
        public let path: [Digest]

        public init(root: TrustedRoot, signature: RootSignature, path: [Digest]) {
            self.root = root
            self.signature = signature
            self.path = path
        }
    }

    public init(
        server: ServerIdentity, entry: Entry, root: TrustedRoot, path: [Digest],
        signedTree: SignedTree? = nil
    ) {
        self.server = server
        self.entry = entry
        self.root = root
        self.path = path
        self.signedTree = signedTree
    }

    /// Verifies that the entry is in the tree of the receipt's root. Works offline: hashes the entry and one node for
    /// each node of the path.
    ///
    /// Does not look at the server's signature: see ``verify(signedBy:)``.
    ///
    /// - Throws: code `.malformedProof` or `.inclusionFailed`; `.consistencyFailed` or `.treeShrank` if the tree does not
    ///   continue the signed one.
    public func verify() throws(VerificationError) {
        try InclusionProof(index: entry.index, size: root.size, path: path)
            .verify(leaf: entry.leaf, root: root.root)
        guard let signedTree else { return }
        // An entry behind the signed tree is not covered by the signature.
        guard signedTree.root.size.contains(entry.index) else {
            throw VerificationError(
                .malformedProof, "the signed tree of the receipt does not have the entry",
                newRoot: signedTree.root.root, newSize: signedTree.root.size, index: entry.index)
        }
        do throws(VerificationError) {
            try ConsistencyProof(
                from: signedTree.root.size, to: root.size, path: signedTree.path
            ).verify(from: signedTree.root.root, to: root.root)
        } catch {
            throw error.completed(index: entry.index, trusted: signedTree.root)
        }
    }

    /// Verifies that the server has signed a tree that has the entry. Works offline, and for a server that was restored
    /// from a backup meanwhile.
    ///
    /// - Parameter key: the server's public key, from its operator.
    /// - Throws: as `verify()`; code `.signatureInvalid`, also if the receipt has no signature.
    public func verify(signedBy key: RootPublicKey) throws(VerificationError) -> Verified<Entry> {
        try verify()
        guard let signedTree else {
            throw VerificationError(
                .signatureInvalid, "the receipt has no signature of the server", newRoot: root.root,
                newSize: root.size, index: entry.index)
        }
        do throws(VerificationError) {
            try key.verify(SignedRoot(signedTree.root, signature: signedTree.signature))
        } catch {
            throw error.completed(index: entry.index, trusted: signedTree.root)
        }
        return Verified(value: entry, root: root)
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
// path one line a node. Version 2 also has a signed tree: its fields are before the path, and its own path is behind
// it. Lines that begin with `#` are for people and not part of the receipt.

extension Receipt {
    private static let firstLine = "immudb receipt 1"
    private static let firstLineWithSignature = "immudb receipt 2"

    /// The receipt as text; keys, values and digests in hexadecimal.
    public var text: String {
        var lines = [signedTree == nil ? Self.firstLine : Self.firstLineWithSignature]
        lines += comments.map { "# \($0)" }
        lines += [
            "server: \(server.text)", "index: \(entry.index)",
            "key: \(Self.hex(entry.key))", "value: \(Self.hex(entry.value))",
            "hash: \(entry.leaf.hex)", "root-index: \(root.size.lastIndex ?? EntryIndex(0))",
            "root: \(root.root.hex)",
        ]
        if let signedTree {
            lines += [
                "signed-index: \(signedTree.root.size.lastIndex ?? EntryIndex(0))",
                "signed-root: \(signedTree.root.root.hex)",
                "signature: \(Self.hex(signedTree.signature.signature))",
                "public-key: \(Self.hex(signedTree.signature.publicKey))",
            ]
        }
        lines += path.map { "path: \($0.hex)" }
        lines += signedTree?.path.map { "signed-path: \($0.hex)" } ?? []
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
        let hasSignature = try reader.readFirstLine(
            Self.firstLine, orElse: Self.firstLineWithSignature)
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
        let root = TrustedRoot(size: size, root: try reader.digest("root"))
        guard hasSignature else {
            var path: [Digest] = []
            while !reader.isAtEnd { path.append(try reader.digest("path")) }
            self.init(server: server, entry: entry, root: root, path: path)
            return
        }
        guard let signedSize = TreeSize(endingAt: try reader.number("signed-index")) else {
            throw reader.error("no tree is that large")
        }
        let signedRoot = TrustedRoot(size: signedSize, root: try reader.digest("signed-root"))
        let signature = RootSignature(
            signature: try reader.bytes("signature"), publicKey: try reader.bytes("public-key"))
        var path: [Digest] = []
        while reader.isAt("path") { path.append(try reader.digest("path")) }
        var signedPath: [Digest] = []
        while !reader.isAtEnd { signedPath.append(try reader.digest("signed-path")) }
        self.init(
            server: server, entry: entry, root: root, path: path,
            signedTree: SignedTree(root: signedRoot, signature: signature, path: signedPath))
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
