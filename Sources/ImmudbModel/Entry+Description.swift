import Foundation

// The output of `print` for entries.

extension Entry: CustomStringConvertible {
    /// Index, key and payload, and the time of a structured value: `entry 7: "hello" = "world", 2026-11-25 12:00:00
    /// UTC`. Bytes that are not text are shown in hexadecimal, and long ones are cut.
    ///
    /// A reference is shown as one if ``kind`` says so: `entry 8: reference "current" to "hello"`. A member of a sorted
    /// set is also recognized by the form of its key: `entry 9: member "hello" of the set "by date", score 7.0`.
    public var description: String {
        if kind == .reference {
            return "entry \(index): reference \(Self.shown(key)) to \(Self.shown(value))"
        }
        if let parts = shownMember {
            return
                "entry \(index): member \(Self.shown(parts.member)) of the set \(Self.shown(parts.set)), score "
                + "\(parts.score)"
        }
        let content = content
        let time = content.flatMap { $0.timestamp == 0 ? nil : Self.time($0.timestamp) }
        return "entry \(index): \(Self.shown(key)) = \(Self.shown(content?.payload ?? value))"
            + (time.map { ", \($0)" } ?? "")
    }

    /// The parts of a member's key; nil if the entry does not look like a member of a sorted set.
    private var shownMember: SortedSetKey? {
        guard kind == nil || kind == .sortedSetMember,
            let parts = SortedSetKey(bytes: key, memberByteCount: value.count),
            parts.member == value
        else { return nil }
        if kind == .sortedSetMember { return parts }
        // The bytes of a score are rarely text, and the names beside it mostly are.
        let isLikely =
            !parts.set.isEmpty && !parts.member.isEmpty && !parts.score.isNaN
            && !Self.isPlainText(key) && Self.isPlainText(parts.set)
            && Self.isPlainText(parts.member)
        return isLikely ? parts : nil
    }

    private static func isPlainText(_ bytes: [UInt8]) -> Bool {
        text(bytes[...], isCut: false) != nil
    }

    private static let shownByteCount = 64

    /// Formats bytes for a message: as text between quotes, or in hexadecimal; long ones are cut.
    package static func shown(_ bytes: [UInt8]) -> String {
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

    /// Returns the text with which bytes begin; nil if they are not text, or a terminal would not just print them.
    private static func text(_ bytes: ArraySlice<UInt8>, isCut: Bool) -> String? {
        // The last character may be cut, too.
        let whole = (0...(isCut ? 3 : 0)).lazy.map { bytes.dropLast($0) }
            .compactMap { String(validating: $0, as: UTF8.self) }.first
        guard let whole else { return nil }
        var text = ""
        for scalar in whole.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
                return nil
            default:
                // Escaped as in Swift, since these characters could end the text.
                if scalar == "\"" || scalar == "\\" { text.unicodeScalars.append("\\") }
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Returns nil for a time beyond the calendar.
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
