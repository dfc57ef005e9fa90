import Foundation

/// Formats the times of entries.
package enum Time {
    /// Returns the time in this machine's zone: `2026-11-22 21:05:00 +0100 CET`; the number itself if it is beyond the
    /// calendar.
    package static func local(unixSeconds seconds: UInt64) -> String {
        var parts = tm()
        guard var time = time_t(exactly: seconds), localtime_r(&time, &parts) != nil else {
            return "\(seconds)"
        }
        return text(parts, "%Y-%m-%d %H:%M:%S %z %Z")
    }

    /// Returns the time by RFC 3339: `2026-11-22T20:05:00Z`; nil beyond the year 9999.
    package static func utc(unixSeconds seconds: UInt64) -> String? {
        var parts = tm()
        let lastOfYear9999: UInt64 = 253_402_300_799
        guard seconds <= lastOfYear9999, var time = time_t(exactly: seconds),
            gmtime_r(&time, &parts) != nil
        else { return nil }
        return text(parts, "%Y-%m-%dT%H:%M:%SZ")
    }

    private static func text(_ parts: tm, _ format: String) -> String {
        var parts = parts
        var buffer = [CChar](repeating: 0, count: 128)
        let count = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
