import POSIX
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Stops a terminal from showing what is typed, until this ends. At most one exists at a time.
///
/// A signal that ends the process restores the terminal first. Ctrl-Z has no effect meanwhile: the password would be
/// shown after the process is resumed.
struct EchoSuspension {
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM]
    private static let isTaken = Atomic(false)
    #if canImport(Darwin)
        private static let noKey = cc_t(0xff)
    #else
        private static let noKey = cc_t(0)
    #endif

    /// - Throws: `TerminalError` if the terminal's state cannot be read.
    init(of terminal: Int32) throws(TerminalError) {
        let isFree = Self.isTaken.compareExchange(
            expected: false, desired: true, ordering: .sequentiallyConsistent
        ).exchanged
        precondition(isFree, "two passwords cannot be asked for at once")
        var state = termios()
        guard tcgetattr(terminal, &state) == 0 else {
            Self.isTaken.store(false, ordering: .sequentiallyConsistent)
            throw TerminalError(
                "cannot hide the password: the terminal's state cannot be read. Give the password "
                    + "as a line of the standard input")
        }
        suspended.pointee = SuspendedTerminal(file: terminal, state: state)
        for number in Self.signals { Self.handle(number) }
        state.c_lflag &= ~tcflag_t(ECHO)
        withUnsafeMutableBytes(of: &state.c_cc) { $0[Int(VSUSP)] = Self.noKey }
        tcsetattr(terminal, TCSAFLUSH, &state)
    }

    /// Lets the terminal show again what is typed. Call it once.
    func end() {
        // Input after the password stays for the next reader.
        suspended.pointee.restore(TCSADRAIN)
        for number in Self.signals {
            if suspended.pointee.isHandled(number) {
                signal(number, suspended.pointee.previous[Int(number)])
            }
        }
        Self.isTaken.store(false, ordering: .sequentiallyConsistent)
    }

    private static func handle(_ number: Int32) {
        let previous = signal(number) { number in
            // Async-signal-safe: tcsetattr, signal, raise. The process's own reaction to the signal follows when this
            // handler has returned. A partly typed password must not be left to the shell.
            suspended.pointee.restore(TCSAFLUSH)
            signal(number, suspended.pointee.previous[Int(number)])
            raise(number)
        }
        if isIgnoring(previous) {
            signal(number, SIG_IGN)
        } else {
            suspended.pointee.previous[Int(number)] = previous
            suspended.pointee.handledSignals |= 1 << UInt32(number)
        }
    }
}

private typealias SignalHandler = @convention(c) (Int32) -> Void

/// The data of the signal handler, in memory that is allocated before.
private struct SuspendedTerminal {
    let file: Int32
    var state: termios
    var handledSignals: UInt32 = 0
    let previous = previousHandlers

    init(file: Int32, state: termios) {
        self.file = file
        self.state = state
    }

    mutating func restore(_ when: Int32) {
        tcsetattr(file, when, &state)
    }

    func isHandled(_ number: Int32) -> Bool {
        handledSignals & (1 << UInt32(number)) != 0
    }
}

// Written by the only EchoSuspension, read by handlers while it exists.
private nonisolated(unsafe) let suspended = UnsafeMutablePointer<SuspendedTerminal>.allocate(
    capacity: 1)
private nonisolated(unsafe) let previousHandlers = {
    let handlers = UnsafeMutablePointer<SignalHandler?>.allocate(capacity: 32)
    handlers.initialize(repeating: nil, count: 32)
    return handlers
}()
