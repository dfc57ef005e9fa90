import ArgumentParser
import Foundation
import ImmudbClient
import MerkleTree

struct ReceiptCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "receipt", "<key> [<file>]",
        abstract: "Write a receipt: the newest entry of a key with its proof, to be checked offline.",
        discussion: """
            The entry is verified, as by safeget, before its receipt is written: a text that says \
            which entry it is, of which server, and how it leads to which root. Whoever has that text \
            can check it with verify-receipt, years later and without the server.
            """)
    static let wordCount = 1...2

    @Argument(help: "Key of the entry.")
    var key: String
    @Argument(
        help: "Path of the file to write; the standard output if absent.", completion: .file())
    var file: String?
    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    func run(in context: CommandContext) async throws {
        if let file { try DraftFile.requireReplaceable(file) }
        let receipt = try await context.client.receipt(of: Array(key.utf8))
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

struct VerifyReceiptCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.immuclient(
        "verify-receipt", "[<file> [<root>|server]]", abstract: "Check a receipt, without the server.",
        discussion: """
            Says whether the entry is in the tree of the receipt's root. Whether that root is the \
            server's takes somebody who trusts it: it is compared with the root that you give or, \
            without one, with the one that is trusted of that server in --dir. If the server has grown \
            since, say 'server': it has to prove then that both are of one history.
            """)
    static let wordCount = 0...2
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
    @OptionGroup(title: "Global flags") var flags: GlobalFlags

    /// Empty until `prepare`.
    private var text: [UInt8] = []

    private static let server = "server"

    private enum CodingKeys: CodingKey { case file, witness, flags }

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
        var report = VerifiedReceiptReport(receipt: receipt)
        do {
            try receipt.verify()
            report.isVerified = true
            report.trust = try await trust(in: receipt, context)
        } catch let failure as VerificationError {
            report.isVerified = false
            try context.output.write(report)
            throw FalseReceipt(failure: failure)
        }
        try context.output.write(report)
        if report.trust == .nobody, context.settings.format == .text {
            StandardError.write(
                warning: "nothing here says that this root is the server's: compare it with one that "
                    + "you trust, or have the server prove it: verify-receipt <file> server", .text)
        }
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
        let roots = FileTrustedRootStore(directory: context.settings.directory)
        guard let stored = try await roots.trustedRoot(of: receipt.server) else { return .nobody }
        return try receipt.verify(trusting: stored) == nil ? .nobody : .stored
    }
}

/// A receipt that does not prove its entry, or not under the root that is trusted.
struct FalseReceipt: Error {
    let failure: VerificationError
}

/// A receipt, as the text that is kept.
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

/// What a receipt proves.
struct VerifiedReceiptReport: Report {
    /// By whom the receipt's root was confirmed.
    enum Trust: String {
        case given, stored, server, nobody
    }

    let receipt: Receipt
    var isVerified = false
    var trust = Trust.nobody

    private var entry: EntryReport { EntryReport(entry: receipt.entry, isVerified: isVerified) }

    func text(_ display: Display) -> [UInt8] {
        let trusted =
            switch trust {
            case .given: "the root that you gave"
            case .stored: "the root that is trusted of this server"
            case .server: "the server has it in its history, which continues the trusted one"
            case .nobody: "unknown"
            }
        let lines = """
            root:\t\t\(receipt.root.root.hex) at index: \(receipt.root.size.lastIndex ?? EntryIndex(0))
            server:\t\t\(receipt.server.text)
            trusted:\t\(isVerified ? trusted : "no")

            """
        return entry.text(display) + Array(lines.utf8)
    }

    var json: JSONObject {
        var object = entry.json
        object["root"] = .text(receipt.root.root.hex)
        object["rootIndex"] = receipt.root.size.lastIndex.map { .number($0.rawValue) }
        object["server"] = .text(receipt.server.text)
        object["trustedBy"] = .text(isVerified ? trust.rawValue : Trust.nobody.rawValue)
        return object
    }

    var value: [UInt8]? { entry.value }
}
