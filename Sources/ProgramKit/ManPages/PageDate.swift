import Foundation

/// The date of a page, such as `2026-11-25`.
struct PageDate: Hashable {
    let text: String

    /// - Throws: `ManPagesError` if SOURCE_DATE_EPOCH is not a time.
    init(environment: [String: String], now: Date = Date()) throws(ManPagesError) {
        var time = time_t(now.timeIntervalSince1970)
        if let given = environment["SOURCE_DATE_EPOCH"], !given.isEmpty {
            guard let seconds = time_t(given), seconds >= 0 else { throw Self.error(given) }
            time = seconds
        }
        var parts = tm()
        // A year of more than four digits is a mistake: the time is probably in milliseconds.
        guard gmtime_r(&time, &parts) != nil, parts.tm_year + 1900 <= 9999 else {
            throw Self.error("\(time)")
        }
        text = String(
            format: "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
    }

    private static func error(_ given: String) -> ManPagesError {
        ManPagesError(
            "environment variable SOURCE_DATE_EPOCH is \"\(given)\": give a time in seconds since "
                + "1970, or unset it")
    }
}
