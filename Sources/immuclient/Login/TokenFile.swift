import Foundation

/// The file in which a login leaves its token for later commands.
///
/// A name without a slash is a file of the home folder or, if there is none or it cannot be
/// written, of the current one; anything else is a path.
struct TokenFile: Sendable {
    /// Where the file may be, the first place first.
    private let places: [String]

    /// Tokens are some hundred bytes; what is meant may be a device.
    private static let maxByteCount = 65_536

    init(
        _ name: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        guard !name.contains("/") else {
            places = [name]
            return
        }
        let home = environment["HOME"] ?? ""
        places = (home.isEmpty ? [] : ["\(home)/\(name)"]) + [name]
    }

    /// - Returns: nil if there is no file.
    /// - Throws: `ToolError` if there is one that cannot be used.
    func read() throws(ToolError) -> String? {
        for place in places {
            let file = open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            if file < 0, errno == ENOENT { continue }
            guard file >= 0 else { throw Self.failure("read", place) }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: Self.maxByteCount)
            let count = Foundation.read(file, &bytes, bytes.count)
            guard count >= 0 else { throw Self.failure("read", place) }
            let token = String(decoding: bytes.prefix(count), as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw ToolError("the token file \(place) holds no token: please login again")
            }
            return token
        }
        return nil
    }

    /// Replaces the file: the old content is there, or the new one. Nobody else can read it.
    ///
    /// - Throws: `ToolError` if no place takes it.
    func write(_ token: String) throws(ToolError) {
        var failure: ToolError?
        for place in places {
            do throws(ToolError) {
                return try Self.replace(place, with: Array(token.utf8))
            } catch {
                failure = error
                // A token that stays there would be found first.
                if access(place, F_OK) == 0 { throw error }
            }
        }
        if let failure { throw failure }
    }

    /// Removes the file wherever it is; none at all is no error.
    func remove() throws(ToolError) {
        for place in places { try Self.requireRegularFile(place) }
        for place in places where unlink(place) != 0 && errno != ENOENT && errno != ENOTDIR {
            throw Self.failure("remove", place)
        }
    }

    /// Whoever names a device, or a link to somewhere else, does not want it replaced or removed.
    private static func requireRegularFile(_ path: String) throws(ToolError) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw ToolError(
            "the token file \(path) is there and is no regular file: name another one, with "
                + "--tokenfile")
    }

    private static func replace(_ path: String, with bytes: [UInt8]) throws(ToolError) {
        try requireRegularFile(path)
        let draft = "\(path).\(UUID().uuidString.prefix(8)).part"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("write", path) }
        defer { unlink(draft) }
        let isWritten =
            Foundation.write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        let failure = isWritten ? nil : failure("write", path)
        close(file)
        if let failure { throw failure }
        guard rename(draft, path) == 0 else { throw Self.failure("write", path) }
    }

    private static func failure(_ action: String, _ path: String) -> ToolError {
        let reason = String(cString: strerror(errno))
        return ToolError("cannot \(action) the token file \(path): \(reason)")
    }
}
