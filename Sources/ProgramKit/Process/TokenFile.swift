public import Foundation
import POSIX

/// The file in which a login leaves its token for later commands.
///
/// A name without a slash is a file in the home folder or, if there is no such folder or the file
/// cannot be written there, in the current one. Anything else is a path. The default name is a
/// common one, so a file without a token of immudb belongs to another program: it is not replaced,
/// removed or sent anywhere.
public struct TokenFile: Sendable {
    /// The paths where the file may be, in the order in which they are tried.
    private let paths: [String]

    /// The largest file that is read. Tokens have some hundred bytes; the path may lead to a
    /// device.
    private static let maxByteCount = 65_536
    /// The beginning of every token of immudb: PASETO, version 2, signed.
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

    /// - Returns: nil if the file does not exist.
    /// - Throws: `TokenFileError` if the file cannot be used.
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

    /// Reads a file. Returns nil if it does not exist.
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
            "the file \(path) does not hold a token of immudb and \(what): name another file with --tokenfile"
        )
    }

    /// Replaces the file: it has the old content or the new one, never a part. Only its owner can
    /// read it.
    ///
    /// - Throws: `TokenFileError` if the file cannot be written at any path.
    public func write(_ token: String) throws(TokenFileError) {
        // A file that cannot be read again would be in the way of every later login.
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
                // A later read would find the old token there first.
                if access(path, F_OK) == 0 { throw error }
            }
        }
        if let failure { throw failure }
    }

    /// Removes the file at every path. A path without a file is not an error.
    ///
    /// - Throws: `TokenFileError` if a file cannot be removed, or if the only files there belong to
    ///   another program.
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

    /// Refuses a path that has something else than a token: a file of another program, a device, or
    /// a link to another place.
    private static func requireToken(_ path: String, else what: String) throws(TokenFileError) {
        guard let isRegular = isRegularFile(path) else { return }
        guard isRegular else {
            throw TokenFileError(
                "the token file \(path) exists and is not a regular file: name another one, with "
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

/// The reason why a token file cannot be used: a message for the user, with its path.
public struct TokenFileError: Error, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
