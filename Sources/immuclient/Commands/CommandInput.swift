import ArgumentParser
import ClientKit
import Foundation
import MerkleTree
import POSIX

/// The content of the standard input, as a command uses it.
enum StandardInput: Sendable {
    /// A value: all bytes to the end.
    case value
    /// Something else: the lines of the shell.
    case lines
}

/// Returns the bytes of an argument or, if it is absent, of the standard input to its end. May block.
///
/// - Parameter missing: the message if neither is given.
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

/// Returns the content of a file.
func contents(of path: String) throws(ToolError) -> [UInt8] {
    let bytes: [UInt8]
    do {
        let file = try FileDescriptor.opening(path, .readOnly)
        bytes = try file.closeAfter { try file.bytes(upTo: maxInputByteCount + 1) }
    } catch {
        throw ToolError("cannot read \(path): \(error)")
    }
    return try checked(bytes, path)
}

/// Returns the standard input to its end.
private func standardInputBytes() throws(ToolError) -> [UInt8] {
    let name = "the standard input"
    let bytes: [UInt8]
    do {
        bytes = try FileDescriptor.standardInput.bytes(upTo: maxInputByteCount + 1)
    } catch {
        throw ToolError("cannot read \(name): \(error)")
    }
    return try checked(bytes, name)
}

/// The largest value of `--max-recv-msg-size`: no server accepts more.
private let maxInputByteCount = 268_435_456

private func checked(_ bytes: [UInt8], _ name: String) throws(ToolError) -> [UInt8] {
    guard bytes.count <= maxInputByteCount else {
        throw ToolError(
            "\(name) has more than \(maxInputByteCount) bytes, more than any server accepts")
    }
    return bytes
}

/// Parses arguments that count something.
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
