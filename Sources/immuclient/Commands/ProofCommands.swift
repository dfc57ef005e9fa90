import ArgumentParser
import ClientKit
import ImmudbClient
import MerkleTree
import Terminal

struct InclusionCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "inclusion", alias: "i",
        abstract: "Check that an entry is in the server's tree.",
        discussion: """
            The root of that tree, which is printed, has to be of one history with the trusted root in \
            --dir, which then moves on. Where no root of the server is trusted, the check is against \
            the root that it shows now, and says nothing about one that shows others another root.
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
        let index = EntryIndex(try Number.parse(index, as: "index"))
        let checked = try await context.client.checkedInclusion(
            of: index, leaf: hash.map(HashArgument.digest))
        // The cause may be a wrong hash in the arguments.
        let failure = checked.failure.map { failure -> any Error in
            checked.isLeafInDoubt ? UnprovenHash(cause: failure) : failure
        }
        try context.output.write(InclusionReport(checked: checked, index: index), failing: failure)
        guard !checked.isTreeTrusted else { return }
        StandardError.write(
            warning:
                "no root of this server is trusted yet, so this only checks the tree that it shows now. safeget "
                + "starts to trust one", context.output.format)
    }
}

struct CheckConsistencyCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
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
        guard let shown else { preconditionFailure("a verified root was shown before") }
        try context.output.write(
            ConsistencyReport(
                isVerified: failure == nil, firstRoot: root, firstIndex: index,
                secondRoot: shown.root, secondIndex: shown.size.lastIndex ?? EntryIndex(0)),
            failing: failure.map { UnprovenHash(cause: $0) })
    }
}

extension TreeSize {
    /// Makes the tree that ends at an index. No tree, and no server, has an index beyond 2^63 - 1.
    fileprivate init(clampedLastIndex index: EntryIndex) {
        self.init(lastIndex: EntryIndex(min(index.rawValue, 1 << 63 - 1)))
    }
}
