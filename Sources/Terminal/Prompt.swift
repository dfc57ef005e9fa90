/// Questions to the person at the terminal. If the standard input is not a terminal, its next line is the answer, so
/// that a script can give it.
///
/// Prompts are shown unchanged, on the standard output if that is a terminal, else on the standard error. Both
/// functions block until there is an answer.
public enum Prompt {
    /// The longest password; a terminal accepts no longer line either.
    static let maxByteCount = 4096

    /// Asks for a password, which is not shown while it is typed. The terminal's state is restored, even if a signal
    /// such as that of Ctrl-C ends the process meanwhile.
    ///
    /// - Returns: the line without its end; it may be empty.
    /// - Throws: `TerminalError` if the input ends before, or is not text.
    public static func password(_ label: String) throws -> String {
        try password(label, through: .standard)
    }

    /// Asks for a yes. Everything except `y` and `Y` means no, including the end of the input.
    ///
    /// - Parameter byDefault: the answer of an empty line.
    /// - Throws: `TerminalError` if the answer is not text.
    public static func confirm(_ question: String, byDefault: Bool = false) throws -> Bool {
        try confirm(question, byDefault: byDefault, through: .standard)
    }

    static func password(
        _ label: String, through streams: TerminalStreams
    ) throws(TerminalError) -> String {
        // Before the prompt: a program that answers as soon as it sees the prompt must not be too early.
        let silence = streams.isInteractive ? try EchoSuspension(of: streams.input) : nil
        defer {
            silence?.end()
            // The line end of the answer was not shown either.
            streams.write("\n")
        }
        streams.write(label)
        let line = try streams.readLine(maxByteCount: maxByteCount)
        guard let line else {
            throw TerminalError(
                "no password was given: the input ended. Type one, or give it as a line of the "
                    + "standard input")
        }
        return line
    }

    static func confirm(
        _ question: String, byDefault: Bool = false, through streams: TerminalStreams
    ) throws(TerminalError) -> Bool {
        streams.write(question)
        let line = try streams.readLine(maxByteCount: maxByteCount)
        if line == nil || !streams.isInteractive { streams.write("\n") }
        guard let answer = line?.filter({ !$0.isWhitespace }) else { return false }
        return answer.isEmpty ? byDefault : answer == "y" || answer == "Y"
    }
}
