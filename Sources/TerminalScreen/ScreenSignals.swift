import POSIX
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The signals while a screen is shown: their handlers only write the number to the screen's waker. At most one at a time.
///
/// A screen that is stuck, since its terminal takes no more output, cannot end the process. So an ending signal that is
/// not obeyed within some seconds ends it at once, with the terminal's modes as they were.
struct ScreenSignals {
    static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2]
    private static let further = [SIGWINCH, SIGTSTP, SIGCONT]
    private static let obedienceSeconds: UInt32 = 3
    private static let isTaken = Atomic(false)

    private typealias Handler = @convention(c) (Int32) -> Void
    private var previous: [(number: Int32, handler: Handler?)] = []

    /// Begins before curses does, which leaves signals alone that have handlers.
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
        // Whoever starts a process so, as nohup does, wants the signal ignored.
        if isIgnoring(previous) {
            signal(number, SIG_IGN)
        } else {
            self.previous.append((number, previous))
        }
    }

    /// Restores the handlers that were there before. To be called once.
    func end() {
        alarm(0)
        for (number, handler) in previous { signal(number, handler) }
        Self.isTaken.store(false, ordering: .sequentiallyConsistent)
    }

    /// Stops the process as Ctrl-Z does, and returns when it goes on.
    static func stopProcess() {
        let handler = signal(SIGTSTP, SIG_DFL)
        raiseHere(SIGTSTP)
        signal(SIGTSTP, handler)
    }

    /// Raises a signal in this thread, which may block signals: it has to come here, not a little later.
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

/// The state that handlers need, in memory that is allocated before.
private struct ShownScreen {
    let terminal: Int32
    var modes: termios
    let input: Int32
    var endingSignal = SIGTERM
}

// Written by the one ScreenSignals that there is, and by handlers while it lives.
private nonisolated(unsafe) let shown = UnsafeMutablePointer<ShownScreen>.allocate(capacity: 1)
