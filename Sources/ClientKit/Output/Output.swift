import Foundation
import POSIX
package import Terminal

/// The standard output, in the requested format.
package struct Output: Sendable {
    package enum Format: Sendable {
        case text
        /// One object a line.
        case json
        /// Only the values of entries, each with a line feed.
        case values
    }

    package let format: Format
    private let display = Display(isTerminal: isatty(STDOUT_FILENO) != 0)

    package init(format: Format) { self.format = format }

    /// Reports of a list are written together, up to about this many bytes.
    private static let chunkByteCount = 1 << 20

    /// - Throws: `ToolError` if the standard output accepts nothing more, `OutputClosed` if nobody reads it any more.
    package func write(_ report: some Report) throws {
        try Self.write(bytes: bytes(of: report))
    }

    /// Prints the result of a check, then throws the failure of the check, if there is one: even if nobody reads the
    /// output.
    package func write(_ report: some Report, failing failure: (any Error)?) throws {
        let written = Result { try write(report) }
        if let failure { throw failure }
        try written.get()
    }

    /// Writes the reports of a list, with blank lines between texts.
    package func write(list reports: some Sequence<some Report>) throws {
        var chunk: [UInt8] = []
        for report in reports {
            // Ctrl-C in the shell.
            try Task.checkCancellation()
            chunk += try bytes(of: report)
            if format == .text { chunk.append(UInt8(ascii: "\n")) }
            guard chunk.count >= (display.isTerminal ? 4_096 : Self.chunkByteCount) else {
                continue
            }
            try Self.write(bytes: chunk)
            chunk = []
        }
        try Self.write(bytes: chunk)
    }

    private func bytes(of report: some Report) throws -> [UInt8] {
        let lineFeed = UInt8(ascii: "\n")
        switch format {
        case .text: return report.text(display)
        case .json: return try report.json.line() + [lineFeed]
        case .values: return report.value.map { display.shown($0) + [lineFeed] } ?? []
        }
    }

    private static func write(bytes: [UInt8]) throws {
        do {
            try FileDescriptor.standardOutput.writeAll(bytes)
        } catch let error as Errno where error == .brokenPipe {
            throw OutputClosed()
        } catch {
            throw ToolError("cannot write to the standard output: \(error)")
        }
    }
}

/// The program that reads the output, such as head, has ended: not a failure, and the command can stop.
package struct OutputClosed: Error {}

extension StandardError {
    /// Writes a report as text, or as JSON if the standard output has JSON.
    package static func write(_ report: LineReport, _ format: Output.Format) {
        if format == .json, let line = try? report.json.line() {
            write(line: String(decoding: line, as: UTF8.self))
        } else {
            write(line: report.line)
        }
    }

    /// Warns of something that is not a failure.
    package static func write(warning: String, _ format: Output.Format) {
        write(
            LineReport(
                "warning: \(warning)", json: ["warning": .object(["message": .text(warning)])]),
            format)
    }
}
