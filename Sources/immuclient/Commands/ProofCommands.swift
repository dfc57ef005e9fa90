import ArgumentParser
import ImmudbClient
import MerkleTree

struct InclusionCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "inclusion", alias: "i",
        abstract: "Check that an entry is in the server's tree.",
        discussion: """
            The check is against the root that the server shows now, which is printed: it says \
            nothing about a server that shows others another root. safeget also checks that it \
            continues what was trusted before.
            """)

    @Argument(help: "Index of the entry, from 0.")
    var index: String
    @Argument(help: "Hash of the entry, 64 hex digits; that of the entry at the index if absent.")
    var hash: String?

    func validate() throws {
        _ = try Number.parse(index, as: "index")
        _ = try hash.map(HashArgument.digest)
    }

    func run(in context: CommandContext) async throws {
        let client = try await context.client
        let index = EntryIndex(try Number.parse(index, as: "index"))
        let leaf =
            if let hash { try HashArgument.digest(hash) } else {
                try await client.entry(at: index).leaf
            }
        let (proof, _, root) = try await client.inclusionProof(of: index)
        let failure = failure { () throws(VerificationError) in
            guard proof.index == index else {
                throw VerificationError(.wrongIndex, "the proof is about entry \(proof.index)")
            }
            try proof.verify(leaf: leaf, root: root)
        }
        try context.output.write(
            InclusionReport(
                isVerified: failure == nil, leaf: leaf, index: index, root: root,
                rootIndex: proof.size.lastIndex ?? EntryIndex(0)),
            // Without a given hash it is the server's own entry that is not in its tree.
            failing: hash == nil ? failure : failure.map(UnprovenHash.init))
    }
}

struct CheckConsistencyCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "check-consistency", alias: "c",
        abstract: "Check that the server's tree begins with an older one.")

    @Argument(help: "Last index of the older tree.")
    var index: String
    @Argument(help: "Root of the older tree, 64 hex digits.")
    var hash: String

    func validate() throws {
        _ = try Number.parse(index, as: "index")
        _ = try HashArgument.digest(hash)
    }

    func run(in context: CommandContext) async throws {
        let index = EntryIndex(try Number.parse(index, as: "index"))
        let root = try HashArgument.digest(hash)
        let size = TreeSize(clampedLastIndex: index)
        let client = try await context.client
        var shown: TrustedRoot?
        var failure: VerificationError?
        do {
            try await client.keepingEvidence {
                let (proof, newRoot) = try await client.consistencyProof(from: size)
                shown = TrustedRoot(size: proof.to, root: newRoot)
                try proof.verify(from: root, to: newRoot)
            }
        } catch let error as VerificationError where shown != nil {
            failure = error
        }
        guard let shown else { preconditionFailure("what was verified was shown before") }
        try context.output.write(
            ConsistencyReport(
                isVerified: failure == nil, firstRoot: root, firstIndex: index,
                secondRoot: shown.root, secondIndex: shown.size.lastIndex ?? EntryIndex(0)),
            failing: failure.map(UnprovenHash.init))
    }
}

/// What a check found wrong; nil if it held.
private func failure(_ check: () throws(VerificationError) -> Void) -> VerificationError? {
    do {
        try check()
        return nil
    } catch {
        return error
    }
}

extension TreeSize {
    /// The tree that ends at an index; no tree ends beyond 2^63 - 1, which no server has either.
    fileprivate init(clampedLastIndex index: EntryIndex) {
        self.init(lastIndex: EntryIndex(min(index.rawValue, 1 << 63 - 1)))
    }
}
