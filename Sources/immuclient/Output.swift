import Foundation
import ImmudbClient
import MerkleTree

/// What the commands print, in the exact form of immudb's command line client: tabs, and spaces
/// before some line ends.
enum Output {
    /// An entry: index, key, value, leaf, and the time if the value has one.
    static func write(entry: Entry, followedByBlankLine: Bool = false) throws {
        try write(bytes: bytes(of: entry) + (followedByBlankLine ? [UInt8(ascii: "\n")] : []))
    }

    /// An entry and whether it was verified.
    ///
    /// - Parameters:
    ///   - isRaw: the value is shown as it is stored.
    ///   - written: the entry that this command has written before.
    /// - Throws: why it was not verified, after it was printed.
    static func write(
        checked: CheckedEntry, isRaw: Bool = false, afterWriting written: EntryIndex? = nil
    ) throws {
        let isVerified = if case .success = checked.result { true } else { false }
        try write(
            bytes: bytes(of: checked.entry, isRaw: isRaw)
                + Array("verified:\t\(isVerified) \n".utf8))
        if let written, !isVerified {
            complain(
                "Your entry is stored, and was verified, at index \(written); reading it failed.")
        }
        _ = try checked.result.get()
    }

    /// An entry that was verified.
    static func write(verified: Verified<Entry>) throws {
        try write(bytes: bytes(of: verified.value) + Array("verified:\ttrue \n".utf8))
    }

    /// The entry of a sorted set's member.
    ///
    /// - Parameter isVerified: nil if that was not asked for.
    static func write(
        member entry: Entry, of set: [UInt8], score: Double, isVerified: Bool? = nil
    ) throws {
        let space = isVerified == nil ? " " : ""
        var bytes = Array("index:\t\t\(entry.index)\nset:\t\t".utf8)
        bytes += shown(set)
        bytes += Array("\(space)\nkey:\t\t".utf8)
        bytes += shown(entry.key)
        bytes += Array(
            "\(space)\nscore:\t\t\(String(format: "%f", score))\(space)\nvalue:\t\t".utf8)
        bytes += shown(entry.value)
        bytes += Array("\(space)\nhash:\t\t\(entry.leaf.hex)\(space)\n".utf8)
        if let isVerified { bytes += Array("verified:\t\(isVerified)\n".utf8) }
        try write(bytes: bytes)
    }

    /// An entry by its index, with time and payload as the original names them.
    static func write(entryByIndex entry: Entry) throws {
        var bytes = Array("index:\t\t\(entry.index)\nkey:\t\t".utf8)
        bytes += shown(entry.key)
        bytes += Array("\nvalue:\t\t".utf8)
        if let content = entry.content {
            bytes += Array(content.protobufText.utf8)
        } else {
            bytes += shown(entry.value)
        }
        let time = entry.content.map { LocalTime.text(ofUnixSeconds: $0.timestamp) } ?? ""
        bytes += Array(" \nhash:\t\t\(entry.leaf.hex)\ntime:\t\t\(time)\n".utf8)
        try write(bytes: bytes)
    }

    static func write(root: TrustedRoot) throws {
        guard let last = root.size.lastIndex else { return try write(line: "immudb is empty") }
        try write(bytes: Array("index:\t\t\(last)\nhash:\t\t\(root.root.hex)\n".utf8))
    }

    static func write(line: String) throws {
        try write(bytes: Array((line + "\n").utf8))
    }

    private static func shown(_ bytes: [UInt8]) -> [UInt8] {
        isatty(STDOUT_FILENO) != 0 ? TerminalText.escaped(bytes) : bytes
    }

    private static func bytes(of entry: Entry, isRaw: Bool = false) -> [UInt8] {
        let content = isRaw ? nil : entry.content
        let time = content.map { LocalTime.text(ofUnixSeconds: $0.timestamp) } ?? ""
        var bytes = Array("index:\t\t\(entry.index)\nkey:\t\t".utf8)
        bytes += shown(entry.key)
        bytes += Array("\nvalue:\t\t".utf8)
        bytes += shown(content?.payload ?? entry.value)
        bytes += Array("\nhash:\t\t\(entry.leaf.hex) \ntime:\t\t\(time) \n".utf8)
        return bytes
    }

    private static func write(bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = String(cString: strerror(errno))
                throw ToolError("cannot write to the standard output: \(reason)")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// A line on the standard error. What a server says may be in it, and must not steer a terminal.
    static func complain(_ message: String) {
        let line = Array((NegativeNumber.unmarked(message) + "\n").utf8)
        let shown = isatty(STDERR_FILENO) != 0 ? TerminalText.escaped(line) : line
        FileHandle.standardError.write(Data(shown))
    }
}

extension Content {
    /// As the original prints it: the text form of protocol buffers.
    fileprivate var protobufText: String {
        var parts: [String] = []
        if timestamp != 0 { parts.append("timestamp:\(timestamp)") }
        if !payload.isEmpty { parts.append("payload:\"\(Self.escaped(payload))\"") }
        return parts.joined(separator: " ")
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        let isText = String(validating: bytes, as: UTF8.self) != nil
        var text: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): text += Array("\\n".utf8)
            case UInt8(ascii: "\r"): text += Array("\\r".utf8)
            case UInt8(ascii: "\t"): text += Array("\\t".utf8)
            case 0x20..<0x7f: text.append(byte)
            case 0x80...0xff where isText: text.append(byte)
            default: text += Array("\\\(octal(byte))".utf8)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func octal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 8)
        return String(repeating: "0", count: 3 - digits.count) + digits
    }
}

/// Keys and values for the eyes: a terminal would obey some bytes, and cannot show others.
enum TerminalText {
    /// Text as it is; bytes that are no text, and control characters but tab and line feed, as
    /// `\xNN`.
    static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return bytes.flatMap { (0x20..<0x7f).contains($0) ? [$0] : escape($0) }
        }
        return text.unicodeScalars.flatMap { scalar in
            let utf8 = Array(String(scalar).utf8)
            let isControl = scalar.properties.generalCategory == .control
            let isHarmless = scalar == "\t" || scalar == "\n"
            return isControl && !isHarmless ? utf8.flatMap(escape) : utf8
        }
    }

    private static func escape(_ byte: UInt8) -> [UInt8] {
        let digits = String(byte, radix: 16)
        return Array(("\\x" + (digits.count < 2 ? "0" : "") + digits).utf8)
    }
}

/// Times as this machine's zone has them.
enum LocalTime {
    /// As `2026-11-22 21:05:00 +0100 CET`; the number itself if no calendar reaches that far.
    static func text(ofUnixSeconds seconds: UInt64) -> String {
        var parts = tm()
        guard var time = time_t(exactly: seconds), localtime_r(&time, &parts) != nil else {
            return "\(seconds)"
        }
        var buffer = [CChar](repeating: 0, count: 128)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S %z %Z", &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
