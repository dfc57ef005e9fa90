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
        if let text = text(bytes.prefix(shownByteCount), isCut: bytes.count > shownByteCount) {
            return "\"\(text)\"" + rest(bytes.count, beyond: shownByteCount)
        }
        let digits = bytes.prefix(shownByteCount / 2).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return "0x" + digits.joined() + rest(bytes.count, beyond: shownByteCount / 2)
    }

    private static func rest(_ byteCount: Int, beyond shown: Int) -> String {
        byteCount > shown ? "… (\(byteCount) bytes)" : ""
    }

    /// The text that bytes begin with; nil if they are no text, or one that a terminal does not just print.
    private static func text(_ bytes: ArraySlice<UInt8>, isCut: Bool) -> String? {
        // Its last character may be cut, too.
        let whole = (0...(isCut ? 3 : 0)).lazy.map { bytes.dropLast($0) }
            .compactMap { String(validating: $0, as: UTF8.self) }.first
        guard let whole else { return nil }
        var text = ""
        for scalar in whole.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
                return nil
            default:
                // As in Swift: what ends a text is marked inside of it.
                if scalar == "\"" || scalar == "\\" { text.unicodeScalars.append("\\") }
                text.unicodeScalars.append(scalar)
            }
        }
        return text
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
