import ArgumentParser
import ImmudbClient
import MerkleTree

struct InclusionCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "inclusion",
        abstract: "Check that an entry is in the server's tree.",
        discussion: """
            The check is against the root that the server shows now, which is printed: it says \
            nothing about a server that shows others another root. safeget also checks that it \
            continues what was trusted before.
            """,
        aliases: ["i"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Index of the entry, from 0.")
    var index: String
    @Argument(help: "Hash of the entry, 64 hex digits; that of the entry at the index if absent.")
    var hash: String?

    func validate() throws {
        _ = try Number.parse(index, as: "index")
        _ = try hash.map(HashArgument.digest)
    }

    func run(on client: ImmudbClient) async throws {
        let index = EntryIndex(try Number.parse(index, as: "index"))
        let leaf =
            if let hash { try HashArgument.digest(hash) } else {
                try await client.entry(at: index).leaf
            }
        let (proof, _, root) = try await client.inclusionProof(of: index)
        let failure = Self.failure { () throws(VerificationError) in
            guard proof.index == index else {
                throw VerificationError(.wrongIndex, "the proof is about entry \(proof.index)")
            }
            try proof.verify(leaf: leaf, root: root)
        }
        try Output.write(line: "verified: \(failure == nil) ")
        try Output.write(line: "hash: \(leaf.hex) at index: \(index) ")
        try Output.write(
            line: "root: \(root.hex) at index: \(proof.size.lastIndex ?? EntryIndex(0)) ")
        guard let failure else { return }
        // Without a given hash it is the server's own entry that is not in its tree.
        if hash == nil { throw failure }
        throw ToolError.unproven(failure)
    }
}

struct CheckConsistencyCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-consistency",
        abstract: "Check that the server's tree begins with an older one.", aliases: ["c"])

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Last index of the older tree.")
    var index: String
    @Argument(help: "Root of the older tree, 64 hex digits.")
    var hash: String

    func validate() throws {
        _ = try Number.parse(index, as: "index")
        _ = try HashArgument.digest(hash)
    }

    func run(on client: ImmudbClient) async throws {
        let index = EntryIndex(try Number.parse(index, as: "index"))
        let root = try HashArgument.digest(hash)
        let size = TreeSize(clampedLastIndex: index)
        let (proof, newRoot) = try await client.consistencyProof(from: size)
        let failure = Self.failure { () throws(VerificationError) in
            try proof.verify(from: root, to: newRoot)
        }
        // As the original: the first root is shown when it held.
        let first = failure == nil ? root.hex : ""
        try Output.write(line: "verified: \(failure == nil) ")
        try Output.write(line: "firstRoot: \(first) at index: \(index) ")
        try Output.write(
            line:
                "secondRoot: \(newRoot.hex) at index: \(proof.to.lastIndex ?? EntryIndex(0)) ")
        if let failure { throw ToolError.unproven(failure) }
    }
}

extension ClientCommand {
    /// What a check found wrong; nil if it held.
    static func failure(
        _ check: () throws(VerificationError) -> Void
    ) -> VerificationError? {
        do {
            try check()
            return nil
        } catch {
            return error
        }
    }
}

extension ToolError {
    /// A hash that was typed may be what is wrong.
    fileprivate static func unproven(_ failure: VerificationError) -> ToolError {
        ToolError(
            "VERIFICATION FAILED: either the given hash is not the right one, or the server is not to be "
                + "trusted.\n\(failure)")
    }
}

enum HashArgument {
    static func digest(_ text: String) throws -> Digest {
        guard text.utf8.count == 2 * Digest.byteCount else {
            throw ValidationError("invalid hash length: 64 hex digits are needed")
        }
        guard let digest = Digest(hex: text.lowercased()) else {
            throw ValidationError("invalid hash '\(text)': only hex digits are allowed")
        }
        return digest
    }
}

extension TreeSize {
    /// The tree that ends at an index; no tree ends beyond 2^63 - 1, which no server has either.
    fileprivate init(clampedLastIndex index: EntryIndex) {
        self.init(lastIndex: EntryIndex(min(index.rawValue, 1 << 63 - 1)))
    }
}
