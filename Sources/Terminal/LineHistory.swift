import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The lines that were typed, in a file of one line each that only its owner can read, oldest first.
///
/// History is optional: a file that cannot be read holds no lines, and one that cannot be written stays as it is.
/// Several processes may add to it; the file is replaced as a whole each time.
struct LineHistory {
    static let maxLineCount = 1_000
    /// Longer lines are not remembered.
    static let maxLineByteCount = 4_096

    let path: String

    /// Returns the lines, oldest first.
    func lines() -> [String] {
        guard let text = String(validating: bytes(), as: UTF8.self) else { return [] }
        return text.split(separator: "\n").suffix(Self.maxLineCount).map(String.init)
    }

    /// Adds a line, unless it is blank or the same as the newest one.
    func add(_ line: String) {
        guard Self.isWorthRemembering(line) else { return }
        var lines = lines()
        guard lines.last != line else { return }
        lines.append(line)
        let text = lines.suffix(Self.maxLineCount).map { $0 + "\n" }.joined()
        replace(with: Array(text.utf8))
    }

    static func isWorthRemembering(_ line: String) -> Bool {
        !line.allSatisfy(\.isWhitespace) && line.utf8.count <= maxLineByteCount
            && !line.utf8.contains(UInt8(ascii: "\n"))
    }

    private func bytes() -> [UInt8] {
        let maxByteCount = Self.maxLineCount * (Self.maxLineByteCount + 1)
        guard let file = try? FileDescriptor.opening(path, .readOnly, .nonBlocking),
            let bytes = try? file.closeAfter({ try file.bytes(upTo: maxByteCount + 1) })
        else { return [] }
        // This program writes no larger file.
        return bytes.count > maxByteCount ? [] : bytes
    }

    private func replace(with bytes: [UInt8]) {
        let target = resolvedPath()
        // Renaming the draft would replace a device or a pipe.
        if isRegularFile(target) == false { return }
        do {
            let draft = try FileDraft(of: target, permissions: .ownerReadWrite)
            try draft.write(bytes)
            try draft.replaceUnsynchronized()
        } catch {
            return  // the draft is removed
        }
    }

    /// Returns the path of the file itself if `path` is a link to it, since the link must stay.
    private func resolvedPath() -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
