import ArgumentParser
import Foundation
import MerkleTree

/// What the standard input is to a command.
enum StandardInput: Sendable {
    /// A value, up to its end, byte for byte.
    case value
    /// Something else: the lines of the shell.
    case lines
}

/// The bytes of an argument or, if it is absent, of the standard input to its end. May block.
///
/// - Parameter missing: what to say if there is neither.
func bytes(
    of argument: String?, from input: StandardInput, orElse missing: String
) throws -> [UInt8] {
    if let argument { return Array(argument.utf8) }
    guard input == .value else { throw ToolError("\(missing): give one", code: "Usage") }
    guard isatty(STDIN_FILENO) == 0 else {
        throw ToolError("\(missing): give one, or pipe it in", code: "Usage")
    }
    return try standardInputBytes()
}

/// A file to its end.
func contents(of path: String) throws(ToolError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
        throw ToolError("cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    return try bytes(of: file, named: path)
}

/// The standard input to its end.
private func standardInputBytes() throws(ToolError) -> [UInt8] {
    try bytes(of: STDIN_FILENO, named: "the standard input")
}

private func bytes(of file: Int32, named name: String) throws(ToolError) -> [UInt8] {
    // More than any server takes: `--max-recv-msg-size` goes no further.
    let maxByteCount = 268_435_456
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = Foundation.read(file, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else {
            throw ToolError("cannot read \(name): \(String(cString: strerror(errno)))")
        }
        if count == 0 { return bytes }
        bytes += buffer.prefix(count)
        guard bytes.count <= maxByteCount else {
            throw ToolError(
                "\(name) has more than \(maxByteCount) bytes, which no server takes")
        }
    }
}

/// Numbers that count something, as arguments.
enum Number {
    static func parse(_ text: String, as what: String) throws -> UInt64 {
        guard let number = UInt64(text) else {
            throw ValidationError(
                "'\(text)' is no \(what): give a whole number from 0 to \(UInt64.max)")
        }
        return number
    }
}

enum HashArgument {
    static func digest(_ text: String) throws -> Digest {
        guard text.utf8.count == 2 * Digest.byteCount else {
            throw ValidationError("invalid hash length: 64 hex digits are needed")
        }
        guard let digest = Digest(hex: text.lowercased()) else {
            throw ValidationError("invalid hash '\(text)': only hex digits are allowed")
        }
        return digest
    }
}

/// Why a command failed on this side of the connection.
struct ToolError: Error, CustomStringConvertible {
    let description: String
    /// For `--json`.
    let code: String

    init(_ description: String, code: String = "LocalFailure") {
        self.description = description
        self.code = code
    }
}
