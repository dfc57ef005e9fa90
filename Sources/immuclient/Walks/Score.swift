import ArgumentParser

/// Parses scores.
enum Score {
    static func parse(_ text: String) throws -> Double {
        let number = Double(text) ?? .nan
        // A number that is too large for a double would become another one.
        let isSpelledOut = text.lowercased().contains("inf")
        guard !number.isNaN, number.isFinite || isSpelledOut else {
            throw ValidationError("'\(text)' is no score: give a number, such as -1.5 or 2e3")
        }
        return number
    }
}
