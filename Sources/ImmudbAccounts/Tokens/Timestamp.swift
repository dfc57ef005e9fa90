#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Converts between times of RFC 3339, such as `2026-11-28T13:45:00+01:00`, and seconds since 1970.
enum Timestamp {
    /// Returns the text of a time, in the server's time zone.
    static func text(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        guard localtime_r(&time, &parts) != nil else {
            preconditionFailure("\(seconds) s is not a time of this calendar")
        }
        let offset = Int(parts.tm_gmtoff) / 60
        let zone = (offset < 0 ? "-" : "+") + two(abs(offset) / 60) + ":" + two(abs(offset) % 60)
        return "\(parts.tm_year + 1900)-\(two(Int(parts.tm_mon) + 1))-\(two(Int(parts.tm_mday)))T"
            + "\(two(Int(parts.tm_hour))):\(two(Int(parts.tm_min))):\(two(Int(parts.tm_sec)))"
            + zone
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Parses a time. Drops fractions of a second.
    ///
    /// - Returns: nil if the text is not a time of that form.
    static func seconds(_ text: String) -> Int64? {
        var rest = Array(text.utf8)[...]
        guard let year = number(4, &rest), take("-", &rest), let month = number(2, &rest),
            take("-", &rest), let day = number(2, &rest), take("T", &rest) || take("t", &rest),
            let hour = number(2, &rest), take(":", &rest), let minute = number(2, &rest),
            take(":", &rest), let second = number(2, &rest),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60,
            skipFraction(&rest), let offset = zone(rest)
        else { return nil }
        let time = (hour * 60 + minute) * 60 + second
        return Int64(days(year, month, day) * 86_400 + time - offset)
    }

    /// - Returns: the offset in seconds, or nil if the text is not a time zone.
    private static func zone(_ text: ArraySlice<UInt8>) -> Int? {
        var rest = text
        if take("Z", &rest) || take("z", &rest) { return rest.isEmpty ? 0 : nil }
        let isWest = take("-", &rest)
        guard isWest || take("+", &rest), let hours = number(2, &rest), take(":", &rest),
            let minutes = number(2, &rest), rest.isEmpty, hours < 24, minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (isWest ? -60 : 60)
    }

    private static func skipFraction(_ rest: inout ArraySlice<UInt8>) -> Bool {
        guard take(".", &rest) else { return true }
        let digits = rest.prefix { isDigit($0) }
        rest = rest[digits.endIndex...]
        return !digits.isEmpty
    }

    private static func number(_ digitCount: Int, _ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix(digitCount)
        guard digits.count == digitCount, digits.allSatisfy(isDigit) else { return nil }
        rest = rest[digits.endIndex...]
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    private static func take(_ character: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Counts the days since 1970-01-01 in the Gregorian calendar. Years start in March, so that
    /// the leap day is the last one.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

/// The wall clock.
enum WallClock {
    static func seconds() -> Int64 { microseconds() / 1_000_000 }

    /// Returns the microseconds since 1970.
    static func microseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}

/// A monotonic clock, for limits and pauses.
enum MonotonicTime {
    static func nanoseconds(_ clock: clockid_t = CLOCK_MONOTONIC) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
