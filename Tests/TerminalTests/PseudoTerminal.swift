import Foundation
import Testing

@testable import Terminal

/// A terminal without a screen: a test writes the keys that a person would type, and reads the
/// output.
final class PseudoTerminal: Sendable {
    private let person: Int32
    private let program: Int32

    /// Runs a program in this terminal.
    func run<Value>(_ program: (TerminalStreams) throws -> Value) rethrows -> Value {
        // The files are closed when this object is destroyed.
        try withExtendedLifetime(self) {
            try program(TerminalStreams(input: self.program, output: self.program))
        }
    }

    init() throws {
        person = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        try #require(person >= 0)
        program = open(try Self.name(of: person), O_RDWR | O_NOCTTY)
        try #require(program >= 0)
    }

    private static func name(of person: Int32) throws -> String {
        #if canImport(Darwin)
            try #require(grantpt(person) == 0 && unlockpt(person) == 0)
            return try #require(ptsname(person).map { String(cString: $0) })
        #else
            // Swift does not import unlockpt and ptsname. These are the calls that they make.
            var lock: Int32 = 0
            var number: Int32 = 0
            let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
            try #require(ioctl(person, setLock, &lock) == 0)
            try #require(ioctl(person, getNumber, &number) == 0)
            return "/dev/pts/\(number)"
        #endif
    }

    deinit {
        close(program)
        close(person)
    }

    func type(_ text: String) {
        TerminalStreams.write(Array(text.utf8), to: person)
    }

    /// Waits for a text, and returns the output since the last call.
    @discardableResult
    func waitForOutput(_ text: String) async throws -> String {
        var seen: [UInt8] = []
        let end = Date(timeIntervalSinceNow: 20)
        while true {
            let screen = String(decoding: seen, as: UTF8.self)
            if screen.contains(text) { return screen }
            try #require(Date() < end, "\"\(text)\" did not come, but \"\(screen)\"")
            var request = pollfd(fd: person, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, 0) > 0 else {
                try await Task.sleep(for: .milliseconds(5))
                continue
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(person, &buffer, buffer.count)
            seen += buffer.prefix(max(0, count))
        }
    }

    /// The modes that determine what the terminal does with typed keys.
    var modes: tcflag_t {
        var state = termios()
        tcgetattr(program, &state)
        return state.c_lflag
    }
}

/// The lines that a program reads from an input that is not a terminal, and the output of its
/// prompts.
final class Script: Sendable {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("script-test-\(UUID().uuidString)")
    private let streams: TerminalStreams

    init(_ lines: [UInt8]) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let input = folder.appendingPathComponent("input").path
        try Data(lines).write(to: URL(fileURLWithPath: input))
        streams = TerminalStreams(
            input: open(input, O_RDONLY),
            output: open(folder.path + "/prompts", O_WRONLY | O_CREAT, 0o600))
    }

    convenience init(_ lines: String) throws { try self.init(Array(lines.utf8)) }

    func run<Value>(_ program: (TerminalStreams) throws -> Value) rethrows -> Value {
        // The files are closed when this object is destroyed.
        try withExtendedLifetime(self) { try program(streams) }
    }

    var prompts: String {
        (try? String(contentsOfFile: folder.path + "/prompts", encoding: .utf8)) ?? ""
    }

    deinit {
        close(streams.input)
        close(streams.output)
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Runs blocking work on a thread of its own.
func onThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try work() }) }.start()
    }
}
