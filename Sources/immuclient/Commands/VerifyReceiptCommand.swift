import ArgumentParser
import ClientKit
import ImmudbClient
import MerkleTree

struct VerifyReceiptCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "verify-receipt",
        abstract: "Check a receipt, without the server.",
        discussion: """
            A receipt proves that its entry is in the tree of its root. Anybody can make such a tree: \
            whether that root is the server's takes somebody who trusts it. It is compared with the root \
            that you give or, without one, with those that were verified of that server in --dir. With \
            'server' the server has to prove that it is of the history that is trusted in --dir. With \
            --server-signing-pub-key the signature that the receipt carries is checked instead, offline. If \
            nobody confirms the root, the entry is not verified, and the exit code is 1.
            """)
    static let printsEntries = true

    @Argument(
        help: "Path of the receipt; - or none for the standard input.", completion: .file())
    var file: String?
    @Argument(
        help: ArgumentHelp(
            "Root that you trust, 64 hex digits, for example from a printed page; or the word "
                + "server, to have the server prove that it has this tree in its history.",
            valueName: "root|server"))
    var witness: String?

    /// Empty until `prepare`.
    private var text: [UInt8] = []

    private static let server = "server"

    private enum CodingKeys: CodingKey { case file, witness }

    func validate() throws {
        if let witness, witness != Self.server { _ = try HashArgument.digest(witness) }
    }

    mutating func prepare(_ input: StandardInput) throws {
        if let file, file != "-" {
            text = try contents(of: file)
        } else {
            text = try bytes(of: nil, from: input, orElse: "no receipt")
        }
    }

    func run(in context: CommandContext) async throws {
        guard let text = String(validating: text, as: UTF8.self) else {
            throw ToolError("the receipt is not UTF-8 text", code: "NoReceipt")
        }
        let receipt: Receipt
        do {
            receipt = try Receipt(text: text)
        } catch {
            throw ToolError("\(error)", code: "NoReceipt")
        }
        if let server = context.settings.server, server != receipt.server {
            throw ClientError(
                .serverChanged, "the receipt is of server \(receipt.server), not of \(server)")
        }
        var report = VerifiedReceiptReport(receipt: receipt)
        do {
            try receipt.verify()
            report.doesProve = true
            report.trust = try await trust(in: receipt, context)
        } catch let failure as VerificationError {
            let isServersFault =
                witness == Self.server && report.doesProve && failure.code != .receiptRefuted
            return try context.output.write(
                report, failing: isServersFault ? failure : FalseReceipt(cause: failure))
        }
        let unconfirmed = ToolError(
            "The proof holds, but nothing here says that its root is the server's, and anybody can "
                + "make such a tree. Give the root that you trust, or have the server prove "
                + "it: verify-receipt <file> <root>|server",
            code: "RootNotConfirmed")
        try context.output.write(report, failing: report.isVerified ? nil : unconfirmed)
    }

    private func trust(
        in receipt: Receipt, _ context: CommandContext
    ) async throws -> VerifiedReceiptReport.Trust {
        if witness == Self.server {
            _ = try await context.client.verify(receipt)
            return .server
        }
        if let witness {
            let root = try HashArgument.digest(witness)
            _ = try receipt.verify(
                trusting: TrustedRoot(size: receipt.root.size, root: root))
            return .given
        }
        if let key = context.settings.signingKey, receipt.signedTree != nil {
            _ = try receipt.verify(signedBy: key)
            return .signed
        }
        let folders = context.settings.rootFolders
        let stored = try await RootFolderStore(folders: folders).trustedRoot(of: receipt.server)
        if let stored, try receipt.verify(trusting: stored) != nil { return .stored }
        let noted = ReceiptRoots(of: receipt.server, in: folders.folder(of: receipt.server))
        return try noted.contains(receipt.root) ? .noted : .nobody
    }
}
