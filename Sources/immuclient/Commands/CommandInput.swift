import ArgumentParser
import ClientKit
import Foundation
import MerkleTree
import POSIX

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
    let bytes: [UInt8]
    do {
        let file = try FileDescriptor.opening(path, .readOnly)
        bytes = try file.closeAfter { try file.bytes(upTo: maxInputByteCount + 1) }
    } catch {
        throw ToolError("cannot read \(path): \(error)")
    }
    return try checked(bytes, path)
}

/// The standard input to its end.
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

/// More than any server takes: `--max-recv-msg-size` goes no further.
private let maxInputByteCount = 268_435_456

private func checked(_ bytes: [UInt8], _ name: String) throws(ToolError) -> [UInt8] {
    guard bytes.count <= maxInputByteCount else {
        throw ToolError("\(name) has more than \(maxInputByteCount) bytes, which no server takes")
    }
    return bytes
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
