import Foundation
import POSIX

/// The file in which a login leaves its token for later commands.
///
/// A name without a slash is a file of the home folder or, if there is none or it cannot be
/// written, of the current one; anything else is a path.
struct TokenFile: Sendable {
    /// Where the file may be, the first first.
    private let paths: [String]

    /// Tokens are some hundred bytes; what is meant may be a device.
    private static let maxByteCount = 65_536

    init(
        _ name: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        guard !name.contains("/") else {
            paths = [name]
            return
        }
        let home = environment["HOME"] ?? ""
        paths = (home.isEmpty ? [] : ["\(home)/\(name)"]) + [name]
    }

    /// - Returns: nil if there is no file.
    /// - Throws: `ToolError` if there is one that cannot be used.
    func read() throws(ToolError) -> String? {
        for path in paths {
            let bytes: [UInt8]
            do {
                let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
                bytes = try file.closeAfter { try file.bytes(upTo: Self.maxByteCount) }
            } catch Errno.noSuchFileOrDirectory {
                continue
            } catch {
                throw Self.failure("read", path, error)
            }
            let token = String(decoding: bytes, as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw ToolError("the token file \(path) holds no token: please login again")
            }
            return token
        }
        return nil
    }

    /// Replaces the file: the old content is there, or the new one. Nobody else can read it.
    ///
    /// - Throws: `ToolError` if no path takes it.
    func write(_ token: String) throws(ToolError) {
        var failure: ToolError?
        for path in paths {
            do throws(ToolError) {
                return try Self.replace(path, with: Array(token.utf8))
            } catch {
                failure = error
                // A token that stays there would be found first.
                if access(path, F_OK) == 0 { throw error }
            }
        }
        if let failure { throw failure }
    }

    /// Removes the file wherever it is; none at all is no error.
    func remove() throws(ToolError) {
        for path in paths { try Self.requireRegularFile(path) }
        for path in paths where unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR {
            throw Self.failure("remove", path, Errno.last)
        }
    }

    /// Whoever names a device, or a link to somewhere else, does not want it replaced or removed.
    private static func requireRegularFile(_ path: String) throws(ToolError) {
        guard isRegularFile(path) == false else { return }
        throw ToolError(
            "the token file \(path) is there and is no regular file: name another one, with "
                + "--tokenfile")
    }

    private static func replace(_ path: String, with bytes: [UInt8]) throws(ToolError) {
        try requireRegularFile(path)
        do {
            let draft = try FileDraft(of: path, permissions: .ownerReadWrite)
            try draft.write(bytes)
            try draft.replace()
        } catch {
            throw failure("write", path, error)
        }
    }

    private static func failure(
        _ action: String, _ path: String, _ reason: any Error
    ) -> ToolError {
        ToolError("cannot \(action) the token file \(path): \(reason)")
    }
}
