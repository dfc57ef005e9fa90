import POSIX
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Handles signals while a screen is shown: the handlers only write the number to the screen's waker. At most one
/// exists at a time.
///
/// A screen whose terminal accepts no more output cannot end the process. So if an ending signal is not handled
/// within a few seconds, a handler restores the terminal's modes and ends the process.
struct ScreenSignals {
    static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2]
    private static let further = [SIGWINCH, SIGTSTP, SIGCONT]
    private static let obedienceSeconds: UInt32 = 3
    private static let isTaken = Atomic(false)

    private typealias Handler = @convention(c) (Int32) -> Void
    private var previous: [(number: Int32, handler: Handler?)] = []

    /// Starts before curses, which does not replace existing handlers.
    init(waker: ScreenWaker, terminal: Int32) {
        let isFree = Self.isTaken.compareExchange(
            expected: false, desired: true, ordering: .sequentiallyConsistent
        ).exchanged
        precondition(isFree, "two screens cannot be shown at once")
        var modes = termios()
        tcgetattr(terminal, &modes)
        shown.pointee = ShownScreen(terminal: terminal, modes: modes, input: waker.input)
        for number in Self.ending { handle(number) { ScreenSignals.noteEnding($0) } }
        for number in Self.further { handle(number) { ScreenSignals.tell($0) } }
        handle(SIGALRM) { _ in ScreenSignals.endStuckProcess() }
    }

    private mutating func handle(_ number: Int32, _ handler: @escaping Handler) {
        let previous = signal(number, handler)
        // The process was started to ignore the signal, as by nohup.
        if isIgnoring(previous) {
            signal(number, SIG_IGN)
        } else {
            self.previous.append((number, previous))
        }
    }

    /// Restores the previous handlers. To be called once.
    func end() {
        alarm(0)
        for (number, handler) in previous { signal(number, handler) }
        Self.isTaken.store(false, ordering: .sequentiallyConsistent)
    }

    /// Stops the process as Ctrl-Z does, and returns when it continues.
    static func stopProcess() {
        let handler = signal(SIGTSTP, SIG_DFL)
        raiseHere(SIGTSTP)
        signal(SIGTSTP, handler)
    }

    /// Raises a signal on this thread, which may block signals, so that it is delivered here and not later.
    static func raiseHere(_ number: Int32) {
        var (own, before) = (sigset_t(), sigset_t())
        sigemptyset(&own)
        sigaddset(&own, number)
        pthread_sigmask(SIG_UNBLOCK, &own, &before)
        raise(number)
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }

    // MARK: in handlers, where only async-signal-safe functions may be called

    private static func tell(_ number: Int32) {
        let error = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(shown.pointee.input, &byte, 1)
        errno = error
    }

    private static func noteEnding(_ number: Int32) {
        shown.pointee.endingSignal = number
        alarm(obedienceSeconds)
        tell(number)
    }

    private static func endStuckProcess() {
        let number = shown.pointee.endingSignal
        tcflush(shown.pointee.terminal, TCOFLUSH)
        tcsetattr(shown.pointee.terminal, TCSANOW, &shown.pointee.modes)
        signal(number, SIG_DFL)
        raise(number)
    }
}

/// The state of the handlers, in memory that is allocated beforehand.
private struct ShownScreen {
    let terminal: Int32
    var modes: termios
    let input: Int32
    var endingSignal = SIGTERM
}

// Written by the only ScreenSignals, and by handlers while it exists.
private nonisolated(unsafe) let shown = UnsafeMutablePointer<ShownScreen>.allocate(capacity: 1)
