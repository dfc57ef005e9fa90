public import Foundation
import POSIX

/// The file in which a login leaves its token for later commands.
///
/// A name without a slash is a file of the home folder or, if there is none or it cannot be
/// written, of the current one; anything else is a path. The name is a usual one, so a file that holds no
/// token of a server is somebody else's: it is neither replaced nor removed, nor sent anywhere.
public struct TokenFile: Sendable {
    /// Where the file may be, the first first.
    private let paths: [String]

    /// Tokens are some hundred bytes; what is meant may be a device.
    private static let maxByteCount = 65_536
    /// How every token of immudb begins: PASETO, version 2, signed.
    private static let tokenPrefix = "v2.public."

    public init(
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
    /// - Throws: `TokenFileError` if there is one that cannot be used.
    public func read() throws(TokenFileError) -> String? {
        for path in paths {
            guard let content = try Self.content(of: path) else { continue }
            guard let token = Self.token(in: content) else {
                throw Self.notOurs(path, "is not sent")
            }
            return token
        }
        return nil
    }

    /// nil if there is no file.
    private static func content(of path: String) throws(TokenFileError) -> [UInt8]? {
        do {
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            return try file.closeAfter { try file.bytes(upTo: maxByteCount) }
        } catch Errno.noSuchFileOrDirectory, Errno.notDirectory {
            return nil
        } catch {
            throw failure("read", path, error)
        }
    }

    private static func token(in content: [UInt8]) -> String? {
        let text = String(decoding: content, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let isToken =
            text.hasPrefix(tokenPrefix) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        return isToken ? text : nil
    }

    private static func notOurs(_ path: String, _ what: String) -> TokenFileError {
        TokenFileError(
            "the file \(path) holds no token of immudb and \(what): name another file with --tokenfile"
        )
    }

    /// Replaces the file: the old content is there, or the new one. Nobody else can read it.
    ///
    /// - Throws: `TokenFileError` if no path takes it.
    public func write(_ token: String) throws(TokenFileError) {
        // A file that could not be read again would be in the way of every later login.
        guard token.utf8.count <= Self.maxByteCount, Self.token(in: Array(token.utf8)) == token
        else {
            throw TokenFileError("the server answers with a token that is not one of immudb's")
        }
        var failure: TokenFileError?
        for path in paths {
            do throws(TokenFileError) {
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
    ///
    /// - Throws: `TokenFileError` if one cannot be removed, or is somebody else's while no other was a token.
    public func remove() throws(TokenFileError) {
        var kept: TokenFileError?
        var hasRemoved = false
        for path in paths {
            do throws(TokenFileError) {
                try Self.requireToken(path, else: "is not removed")
            } catch {
                kept = error
                continue
            }
            if unlink(path) == 0 {
                hasRemoved = true
            } else if errno != ENOENT && errno != ENOTDIR {
                throw Self.failure("remove", path, Errno.last)
            }
        }
        if let kept, !hasRemoved { throw kept }
    }

    /// Refuses a path at which there is anything but a token: a file of somebody else's, a device, or a
    /// link to another place.
    private static func requireToken(_ path: String, else what: String) throws(TokenFileError) {
        guard let isRegular = isRegularFile(path) else { return }
        guard isRegular else {
            throw TokenFileError(
                "the token file \(path) is there and is no regular file: name another one, with "
                    + "--tokenfile")
        }
        guard let content = try content(of: path) else { return }
        if token(in: content) == nil { throw notOurs(path, what) }
    }

    private static func replace(_ path: String, with bytes: [UInt8]) throws(TokenFileError) {
        try requireToken(path, else: "is not replaced")
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
    ) -> TokenFileError {
        TokenFileError("cannot \(action) the token file \(path): \(reason)")
    }
}

/// Why a token file cannot be used: a message for a person, with its path.
public struct TokenFileError: Error, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
