import Foundation
import ImmudbClient
import ImmudbServer
import ImmudbVerification
import Logging
import MerkleTree
import ServiceKit
import StorageIO

/// A receipt is refused with its line, or is unchanged after it is written and read again. The file
/// of a trusted root is refused with an error, or is a root.
func fuzzReceipts(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    guard input.byte() & 1 == 0 else { return try fuzzRootFile(input.all()) }
    let receipt: Receipt
    do {
        receipt = try Receipt(text: String(decoding: input.all(), as: UTF8.self))
    } catch {
        return try require(error.line > 0 && !error.message.isEmpty, "no reason: \(error)")
    }
    let again = try Receipt(text: receipt.text)
    try require(again == receipt, "a receipt changes when it is written: \(receipt)")
    _ = try? receipt.verify()
    _ = try? receipt.verify(trusting: receipt.root)
    _ = try? receipt.verify(trusting: .empty)
}

private func fuzzRootFile(_ bytes: [UInt8]) throws {
    guard let server = ServerIdentity("fuzzed") else { preconditionFailure("a name") }
    try Data(bytes).write(to: ScratchFolder.url.appending(path: ".root-fuzzed"))
    let root: TrustedRoot?
    do {
        root = try wait {
            try await FileTrustedRootStore(directory: ScratchFolder.url.path)
                .trustedRoot(of: server)
        }
    } catch is ClientError {
        return
    }
    try require((root == nil) == bytes.isEmpty, "bytes that are no root were taken")
}

/// Parses texts as digests, identities, addresses, contents and options.
func fuzzTexts(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let kind = input.byte() % 5
    let rest = input.all()
    let text = String(decoding: rest, as: UTF8.self)
    switch kind {
    case 0:
        if let digest = Digest(hex: text) {
            try require(digest.hex == text.lowercased(), "\(text) is read as \(digest.hex)")
        }
    case 1:
        if let identity = ServerIdentity(text) {
            try require(
                identity.text == text && !text.contains("/"), "\(text) is taken for an identity")
        }
    case 2:
        if let content = Content(storedValue: rest) {
            try require(content.storedValue == rest, "a content changes when it is encoded")
        }
        let entry = Entry(index: EntryIndex(0), key: rest, value: rest)
        let receipt = Receipt(
            server: ServerIdentity("x") ?? { preconditionFailure("a name") }(), entry: entry,
            root: TrustedRoot(size: TreeSize(1), root: entry.leaf), path: [])
        try receipt.verify()
        let again = try Receipt(text: receipt.text)
        try require(again == receipt, "a receipt of \(rest) changes when it is written")
    case 3:
        var options = ServerOptions(address: text, databaseName: text)
        options.process.logFile = text
        let json = try JSONSerialization.jsonObject(with: Data(options.json.utf8))
        try require(json is [String: Any], "the options are no JSON object")
        _ = try? options.validate()
    default:
        _ = UInt64(text).flatMap { TreeSize(endingAt: $0) }
        _ = try? TrustedRoot(lastIndex: 0, rootBytes: rest)
        let lines = ServerLog(level: .debug) { line in
            precondition(!line.utf8.contains { $0 < 0x20 }, "a message forges a line")
        }
        lines.info(text)
        let objects = ServerLog(level: .debug, format: .json) { line in
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            precondition(object?["level"] as? String == "info", "a message breaks an object")
        }
        objects.logger.info("\(text)", metadata: ["\(text)": "\(text)"])
    }
}

/// A folder for inputs that must be files, in memory if the system has such a place.
enum ScratchFolder {
    static let url: URL = {
        let memory = URL(filePath: "/dev/shm")
        let base =
            FileManager.default.isWritableFile(atPath: memory.path)
            ? memory : FileManager.default.temporaryDirectory
        let url = base.appending(path: "immudb-fuzz-\(ProcessInfo.processInfo.processIdentifier)")
        try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: ScratchFolder.url) }
        return url
    }()
}
