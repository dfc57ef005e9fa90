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
    /// - Throws: why it was not, after it was printed.
    static func write(checked: CheckedEntry) throws {
        let isVerified = if case .success = checked.result { true } else { false }
        try write(bytes: bytes(of: checked.entry) + Array("verified:\t\(isVerified) \n".utf8))
        _ = try checked.result.get()
    }

    static func write(root: TrustedRoot) throws {
        guard let last = root.size.lastIndex else { return try write(line: "immudb is empty") }
        try write(bytes: Array("index:\t\t\(last)\nhash:\t\t\(root.root.hex)\n".utf8))
    }

    static func write(line: String) throws {
        try write(bytes: Array((line + "\n").utf8))
    }

    private static func bytes(of entry: Entry) -> [UInt8] {
        let isTerminal = isatty(STDOUT_FILENO) != 0
        func shown(_ bytes: [UInt8]) -> [UInt8] { isTerminal ? TerminalText.escaped(bytes) : bytes }
        let time = entry.content.map { LocalTime.text(ofUnixSeconds: $0.timestamp) } ?? ""
        var bytes = Array("index:\t\t\(entry.index)\nkey:\t\t".utf8)
        bytes += shown(entry.key)
        bytes += Array("\nvalue:\t\t".utf8)
        bytes += shown(entry.payload)
        bytes += Array("\nhash:\t\t\(entry.leaf.hex) \ntime:\t\t\(time) \n".utf8)
        return bytes
    }

    private static func write(bytes: [UInt8]) throws {
        try FileHandle.standardOutput.write(contentsOf: Data(bytes))
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
