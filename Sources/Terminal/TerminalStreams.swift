import POSIX

// Communication with the person at the terminal. This file reads input and writes output; Prompt, LineEditor and
// ProgressBar define what is asked and shown.

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The files by which a person is asked.
struct TerminalStreams {
    let input: Int32
    let output: Int32

    /// The streams of this process. Prompts go to the standard output only if that is a terminal, so that programs that
    /// read the output do not get them.
    static var standard: TerminalStreams {
        TerminalStreams(
            input: STDIN_FILENO,
            output: isatty(STDOUT_FILENO) != 0 ? STDOUT_FILENO : STDERR_FILENO)
    }

    /// Whether a person types the input.
    var isInteractive: Bool { isatty(input) != 0 }

    func write(_ text: String) {
        Self.write(Array(text.utf8), to: output)
    }

    /// Writes all bytes. A terminal that is gone is not an error, since nobody is left to read it.
    static func write(_ bytes: [UInt8], to file: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Returns the next line, without its end, which may be `\n` or `\r\n`. Reads byte by byte, so that the rest stays
    /// for the next reader.
    ///
    /// - Returns: nil at the end of the input.
    /// - Throws: `TerminalError` if the line is longer, is not text, or cannot be read.
    func readLine(maxByteCount: Int = .max) throws(TerminalError) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(input, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw TerminalError("cannot read the standard input: \(Errno.last)")
            }
            if count == 0, line.isEmpty { return nil }
            if count == 0 || byte == UInt8(ascii: "\n") { break }
            line.append(byte)
            guard line.count <= maxByteCount else {
                throw TerminalError("the line that was given is longer than \(maxByteCount) bytes")
            }
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard let text = String(validating: line, as: UTF8.self) else {
            throw TerminalError("a line of the standard input is not UTF-8 text")
        }
        return text
    }
}

/// Calls write(2), whose name is also that of functions above.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(file, bytes, count)
}
