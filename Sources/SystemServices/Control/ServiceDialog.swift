import POSIX
import Terminal

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The dialog of a service command with its user.
public struct ServiceDialog: Sendable {
    /// Prints a line.
    let say: @Sendable (String) -> Void
    /// Asks a question; `byDefault` is the answer of an empty line.
    let confirm: @Sendable (_ question: String, _ byDefault: Bool) throws(ServiceError) -> Bool
    /// Whether output may have colours.
    let isTerminal: Bool

    init(
        isTerminal: Bool, say: @escaping @Sendable (String) -> Void,
        confirm:
            @escaping @Sendable (_ question: String, _ byDefault: Bool) throws(ServiceError) -> Bool
    ) {
        self.isTerminal = isTerminal
        self.say = say
        self.confirm = confirm
    }

    /// Makes a dialog that takes answers from the terminal or a pipe.
    ///
    /// - Parameters:
    ///   - isPlain: whether lines have no colours even on a terminal.
    ///   - say: prints a line on the standard output.
    public init(isPlain: Bool, say: @escaping @Sendable (String) -> Void) {
        self.init(
            isTerminal: !isPlain && isatty(STDOUT_FILENO) != 0, say: say,
            confirm: { question, byDefault throws(ServiceError) in
                do {
                    return try Prompt.confirm(question, byDefault: byDefault)
                } catch {
                    throw ServiceError("\(error)")
                }
            })
    }

    /// Runs an action, and prints a line about its result.
    func report(
        _ what: String, _ body: () throws(ServiceError) -> Void
    ) throws(ServiceError) {
        do throws(ServiceError) {
            try body()
            say(what + Self.gap + "[  \(coloured("OK", 32))  ]")
        } catch {
            say(what + Self.gap + "[\(coloured("FAILED", 31))]")
            throw error
        }
    }

    private static let gap = String(repeating: "\t", count: 5)

    private func coloured(_ word: String, _ colour: Int) -> String {
        isTerminal ? "\u{1b}[\(colour)m\(word)\u{1b}[0m" : word
    }
}
