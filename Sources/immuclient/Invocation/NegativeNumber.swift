/// Negative numbers on the command line, which look like flags: `zadd set -1.5 key`.
///
/// They are marked before flags are looked for, and the mark is taken off afterwards.
enum NegativeNumber {
    /// A character for private use, which no terminal types.
    private static let mark: Character = "\u{E000}"

    static func marked(_ arguments: [String]) -> [String] {
        arguments.map { argument in
            let looksLikeFlag = argument.hasPrefix("-") && Double(argument) != nil
            // So that the mark can be taken off everywhere.
            return looksLikeFlag || argument.first == mark ? "\(mark)\(argument)" : argument
        }
    }

    /// The argument as it was typed.
    static func unmarked(_ argument: String) -> String {
        argument.first == mark ? String(argument.dropFirst()) : argument
    }
}
