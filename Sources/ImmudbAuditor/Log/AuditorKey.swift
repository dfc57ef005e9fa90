import Crypto
import Foundation
import POSIX

/// The key with which an auditor signs its log: Ed25519, made at the first start, in a file that only its owner can read.
public struct AuditorKey: Sendable {
    private static let title = "immudb auditor key, Ed25519: secret, public"
    private static let fileByteLimit = 1_024

    let secret: Curve25519.Signing.PrivateKey

    /// The public key in hexadecimal digits.
    public var publicText: String { hex(secret.publicKey.rawRepresentation) }

    init(_ secret: Curve25519.Signing.PrivateKey = Curve25519.Signing.PrivateKey()) {
        self.secret = secret
    }

    /// Reads the key from its file. Blocks.
    ///
    /// - Parameter isNew: whether there is nothing yet that was signed with it, so that a missing file is made.
    /// - Throws: `AuditorError` that names the file.
    static func load(_ path: String, isNew: Bool) throws(AuditorError) -> AuditorKey {
        if let key = try read(path) { return key }
        guard isNew else {
            throw AuditorError(
                .files,
                "the auditor's key \(path) is gone, and its log cannot be continued without it. Restore it, or move "
                    + "the log away to begin a new one")
        }
        do {
            let key = AuditorKey()
            let draft = try FileDraft(of: path, permissions: .ownerReadWrite)
            try draft.write(Array(key.fileText.utf8))
            try draft.createUnlessThere()
        } catch {
            throw AuditorError(.files, "cannot make the auditor's key \(path): \(error)")
        }
        guard let key = try read(path) else {
            throw AuditorError(.files, "the auditor's key \(path) vanished while it was made")
        }
        return key
    }

    private var fileText: String {
        [Self.title, hex(secret.rawRepresentation), publicText].joined(separator: "\n") + "\n"
    }

    private static func read(_ path: String) throws(AuditorError) -> AuditorKey? {
        let bytes: [UInt8]
        do {
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            bytes = try file.closeAfter {
                _ = try closeToOthers(file)
                return try file.bytes(upTo: fileByteLimit)
            }
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch {
            throw AuditorError(.files, "cannot read the auditor's key \(path): \(error)")
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        if lines.count == 3, let seed = self.bytes(ofHex: lines[1]),
            let secret = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        {
            let key = AuditorKey(secret)
            if key.fileText.utf8.elementsEqual(bytes) { return key }
        }
        throw AuditorError(.files, "the auditor's key \(path) is damaged: restore it")
    }

    static func bytes(ofHex text: some StringProtocol) -> [UInt8]? {
        let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { position in
            UInt8((digits[position] ?? 0) << 4 | (digits[position + 1] ?? 0))
        }
    }
}

/// Returns bytes in hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
