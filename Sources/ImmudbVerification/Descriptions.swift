import Foundation
public import ImmudbModel

// What `print` shows of entries.

extension Entry: CustomStringConvertible {
    /// Index, key and payload, and the time of a structured value: `entry 7: "hello" = "world", 2026-11-25 12:00:00
    /// UTC`. Bytes that are no text are shown in hexadecimal, and what is long is cut.
    public var description: String {
        let content = content
        let time = content.flatMap { $0.timestamp == 0 ? nil : Self.time($0.timestamp) }
        return "entry \(index): \(Self.shown(key)) = \(Self.shown(content?.payload ?? value))"
            + (time.map { ", \($0)" } ?? "")
    }

    private static let shownByteCount = 64

    private static func shown(_ bytes: [UInt8]) -> String {
        let rest = bytes.count > shownByteCount ? "… (\(bytes.count) bytes)" : ""
        if let text = text(bytes) { return "\"\(text)\"" + rest }
        let digits = bytes.prefix(shownByteCount / 2).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return "0x" + digits.joined()
            + (bytes.count > shownByteCount / 2 ? "… (\(bytes.count) bytes)" : "")
    }

    /// The beginning of a text; nil if the bytes are no text, or one that a terminal does not just print.
    private static func text(_ bytes: [UInt8]) -> String? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let isPrintable = text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
                false
            default: true
            }
        }
        return isPrintable ? String(text.prefix(shownByteCount)) : nil
    }

    /// nil for a time that the calendar does not reach.
    private static func time(_ timestamp: UInt64) -> String? {
        // The year 10000.
        guard timestamp < 253_402_300_800 else { return nil }
        let date = Date(timeIntervalSince1970: Double(timestamp))
        return date.formatted(
            Date.ISO8601FormatStyle(dateTimeSeparator: .space).year().month().day().time(
                includingFractionalSeconds: false)
        ) + " UTC"
    }
}

extension Verified: CustomStringConvertible {
    /// The value, and the size of the tree in which it was verified.
    public var description: String { "\(value), verified in a tree of \(root.size) entries" }
}
