import ArgumentParser
import ClientKit
import ImmudbClient

struct ReceiptCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "receipt",
        abstract:
            "Write a receipt: the newest entry of a key with its proof, to be checked offline.",
        discussion: """
            The entry is verified, as by safeget, before its receipt is written: a text that says \
            which entry it is, of which server, how it leads to which root, and the server's signature, \
            if the server signs its roots. Its holder \
            can check it with verify-receipt, years later and without the server. The root is noted in \
            .receipts-<identifier> beside the trusted root, as one that was verified here.
            """)

    @Argument(help: "Key of the entry.")
    var key: String
    var givenNames: [GivenName] { [GivenName(.existingKey, Array(key.utf8))] }
    @Argument(
        help: "Path of the file to write; the standard output if absent.", completion: .file())
    var file: String?

    func run(in context: CommandContext) async throws {
        if let file { try DraftFile.requireReplaceable(file) }
        let receipt = try await context.client.receipt(of: Array(key.utf8))
        let folder = context.settings.rootFolders.folder(of: receipt.server)
        try ReceiptRoots(of: receipt.server, in: folder).add(receipt.root)
        guard let file else { return try context.output.write(ReceiptReport(receipt: receipt)) }
        let draft = try DraftFile(for: file)
        try draft.write(Array(receipt.text.utf8))
        try draft.complete()
        try context.output.write(
            LineReport(
                "SUCCESS: the receipt of entry \(receipt.entry.index) is in file \(file)",
                json: ["index": .number(receipt.entry.index.rawValue), "file": .text(file)]))
    }
}
