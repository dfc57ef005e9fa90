import Testing

/// Expects that a receipt is refused with any line of it missing or repeated, and with any digit of a value changed. The
/// line of the server may change: no proof covers it.
func expectRefused(
    everyChangeOf lines: [String], _ isRefused: ([String]) -> Bool
) {
    #expect(!isRefused(lines))
    for place in lines.indices where !lines[place].hasPrefix("server") {
        var other = lines
        other.remove(at: place)
        #expect(isRefused(other), "without \(lines[place])")
        other = lines
        other.insert(lines[place], at: place)
        #expect(isRefused(other), "twice \(lines[place])")
        guard place > 0, let separator = lines[place].firstIndex(of: ":") else { continue }
        let value = lines[place][lines[place].index(separator, offsetBy: 2)...]
        for digit in value.indices {
            other = lines
            let changed = value[digit] == "0" ? "1" : "0"
            other[place].replaceSubrange(digit...digit, with: changed)
            #expect(isRefused(other), "\(other[place])")
        }
    }
}
