import Crypto
import POSIX
import StorageIO

/// The key that signs tokens, and its file.
///
/// The file keeps tokens valid after a restart. It has the key and the public key derived from it,
/// both in hexadecimal digits, so that damage is detected.
struct SigningKey: Sendable {
    let secret: Curve25519.Signing.PrivateKey
    let `public`: Curve25519.Signing.PublicKey

    init(_ secret: Curve25519.Signing.PrivateKey = Curve25519.Signing.PrivateKey()) {
        self.secret = secret
        self.public = secret.publicKey
    }

    /// Reads the key from a file. If the file does not exist, makes a key and the file.
    ///
    /// - Throws: `SystemFolderError` that names the file.
    static func loadOrCreate(
        _ path: String, log: LogSink
    ) throws(SystemFolderError) -> SigningKey {
        if let key = try load(path, log) { return key }
        do {
            let draft = try FileDraft(of: path, permissions: .ownerReadWrite)
            try draft.write(Array(SigningKey().fileText.utf8))
            try draft.createUnlessThere()
        } catch {
            throw SystemFolderError("unable to create the key file of tokens \(path): \(error)")
        }
        guard let key = try load(path, log) else {
            throw SystemFolderError("the key file of tokens \(path) vanished while it was created")
        }
        return key
    }

    private static let title = "immudb token key, Ed25519: secret, public"
    private static let fileByteLimit = 1_024

    private var fileText: String {
        [Self.title, hex(secret.rawRepresentation), hex(self.public.rawRepresentation)]
            .joined(separator: "\n") + "\n"
    }

    /// Removes the permissions of other users. If the file belongs to another user, the system does
    /// not allow that; then logs a warning.
    private static func keepFromOthers(
        _ file: FileDescriptor, _ path: String, _ log: LogSink
    ) throws {
        do {
            guard try closeToOthers(file) else { return }
            log(.warning, "other users could read the key file of tokens \(path); now they cannot")
        } catch Errno.notPermitted, Errno.readOnlyFileSystem {
            log(
                .warning,
                "other users can read the key file of tokens \(path), and can make tokens with it")
        }
    }

    /// Reads the key. Returns nil if the file does not exist.
    private static func load(
        _ path: String, _ log: LogSink
    ) throws(SystemFolderError) -> SigningKey? {
        // Opening a pipe would wait for a writer.
        if isRegularFile(path) == false {
            throw SystemFolderError("the key file of tokens \(path) is not a file")
        }
        let bytes: [UInt8]
        do {
            let file = try FileDescriptor.opening(path, .readOnly)
            bytes = try file.closeAfter {
                try keepFromOthers(file, path, log)
                return try file.bytes(upTo: fileByteLimit)
            }
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch {
            throw SystemFolderError("unable to read the key file of tokens \(path): \(error)")
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        if lines.count == 3, let seed = self.bytes(hex: lines[1]),
            let secret = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        {
            let key = SigningKey(secret)
            if key.fileText.utf8.elementsEqual(bytes) { return key }
        }
        throw SystemFolderError(
            "the key file of tokens \(path) is damaged. Restore it from a backup, or remove it: all "
                + "users then have to log in again")
    }

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func bytes(hex text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: characters.count, by: 2) {
            let pair = String(decoding: characters[start..<start + 2], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
