internal import CNcurses
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The whole terminal, by curses: shows grids of cells, and returns keys, size changes and signals one after the
/// other.
///
///     let waker = try ScreenWaker()
///     let screen = try FullScreen(waker: waker)
///     defer { screen.end() }
///     screen.show(grid)
///     while screen.nextEvent() != .key(.escape) { … }
///
/// To be used on one thread. At most one exists at a time. Ctrl-Z restores the terminal and stops the process; the
/// screen comes back when the process continues. Ctrl-C, SIGTERM, SIGHUP and SIGQUIT are events: call ``end()``, then
/// end the process.
public final class FullScreen {
    public enum Event: Equatable, Sendable {
        case key(KeyReader.Key)
        /// Another thread called ``ScreenWaker/wake()``.
        case woken
        /// The size of the screen has changed, or it must be drawn again.
        case resized
        /// A signal asks the process to end.
        case ended(by: Int32)
        /// The terminal is gone.
        case closed
    }

    /// The time in milliseconds for the rest of a sequence after its Esc.
    private static let escapePause: Int32 = 50

    public let charset: Charset
    public private(set) var width = 80
    public private(set) var height = 24
    private let waker: ScreenWaker
    private let signals: ScreenSignals
    private let screen: OpaquePointer
    private let hasColors: Bool
    private var keys = KeyReader()
    private var events: [Event] = []

    /// Throws unless standard input and output are a terminal that can show a screen. Changes
    /// nothing.
    public static func requireTerminal() throws(ScreenError) {
        guard isatty(STDIN_FILENO) != 0, isatty(STDOUT_FILENO) != 0 else {
            throw ScreenError("standard input and output are not a terminal")
        }
        let name = environment("TERM")
        guard !name.isEmpty else { throw ScreenError("TERM is not set") }
        switch screen_look() {
        case screen_started: return
        case screen_simple_terminal:
            throw ScreenError(
                "a terminal of the kind \"\(shown(name))\" (TERM) cannot show a screen")
        case screen_no_database:
            throw ScreenError(
                "the database of terminals is not installed (on Debian: ncurses-base)")
        default:
            throw ScreenError("TERM names an unknown terminal, \"\(shown(name))\"")
        }
    }

    private static func shown(_ name: String) -> String {
        String(name.prefix(40).map(Charset.ascii.shown))
    }

    /// Takes over the terminal.
    public init(waker: ScreenWaker) throws(ScreenError) {
        try Self.requireTerminal()
        self.waker = waker
        charset = Charset.ofTerminal()
        let signals = ScreenSignals(waker: waker, terminal: STDIN_FILENO)
        guard let screen = screen_take() else {
            signals.end()
            throw ScreenError("the terminal cannot be told to show a screen")
        }
        self.signals = signals
        self.screen = screen
        hasColors = environment("NO_COLOR").isEmpty && screen_start_colors() != 0
        updateSize()
    }

    /// Restores the terminal. To be called once, before the process ends.
    public func end() {
        screen_leave()
        signals.end()
        screen_free(screen)
    }

    /// Shows a grid; sends only the cells that have changed.
    public func show(_ grid: CellGrid) {
        screen_erase()
        for number in 0..<min(grid.height, height) {
            var row = grid.row(number)[...].prefix(width)
            var column = 0
            while let first = row.first {
                let run = row.prefix { $0.style == first.style }
                let (pair, attributes) = look(of: first.style)
                screen_set_style(pair, attributes)
                screen_put(Int32(number), Int32(column), String(run.map(\.character)))
                column += run.count
                row = row.dropFirst(run.count)
            }
        }
        screen_draw()
    }

    /// Makes the next ``show(_:)`` send every cell, since something else may have written to the
    /// terminal.
    public func forget() { screen_forget() }

    /// Ends the process by the signal's default action. To be called after ``end()``.
    public static func endProcess(by number: Int32) -> Never {
        signal(number, SIG_DFL)
        ScreenSignals.raiseHere(number)
        exit(128 + number)
    }

    /// Waits for the next event.
    ///
    /// - Returns: nil after the timeout.
    public func nextEvent(timeoutMilliseconds: Int32 = -1) -> Event? {
        while events.isEmpty {
            var files = [
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                pollfd(fd: waker.output, events: Int16(POLLIN), revents: 0),
            ]
            let timeout = keys.isUndecided ? Self.escapePause : timeoutMilliseconds
            let count = poll(&files, nfds_t(files.count), timeout)
            if count < 0, errno != EINTR { return .closed }
            if count == 0 {
                guard keys.isUndecided else { return nil }
                events += keys.keysAfterPause().map(Event.key)
            }
            guard count > 0 else { continue }
            // Signals first, so that an end does not wait behind keys.
            if files[1].revents != 0 { waker.received().forEach(note(signal:)) }
            if files[0].revents != 0 { readKeys() }
        }
        return events.removeFirst()
    }

    private func readKeys() {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        if count > 0 {
            events += keys.keys(from: bytes.prefix(count)).map(Event.key)
        } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
            events.append(.closed)
        }
    }

    private func note(signal: UInt8) {
        switch Int32(signal) {
        case 0: events.append(.woken)
        case SIGTSTP:
            screen_leave()
            ScreenSignals.stopProcess()
            goOn()
        // The process was stopped without notice, and the shell has changed the terminal since.
        case SIGCONT: goOn()
        case SIGWINCH:
            updateSize()
            events.append(.resized)
        case let number where ScreenSignals.ending.contains(number):
            events.append(.ended(by: number))
        default: break
        }
    }

    private func goOn() {
        screen_resume()
        updateSize()
        events.append(.resized)
    }

    private func updateSize() {
        var size = winsize()
        let isTold = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
        width = isTold && size.ws_col > 0 ? min(Int(size.ws_col), CellGrid.maxSide) : 80
        height = isTold && size.ws_row > 0 ? min(Int(size.ws_row), CellGrid.maxSide) : 24
        screen_resize(Int32(height), Int32(width))
    }

    /// Returns the number of the colour pair, which is that of its colour, and the attributes.
    private func look(of style: CellStyle) -> (pair: Int32, attributes: Int32) {
        let (bold, dim, reverse) = (
            Int32(screen_bold.rawValue), Int32(screen_dim.rawValue), Int32(screen_reverse.rawValue)
        )
        let look: (color: Int32, attributes: Int32, plain: Int32) =
            switch style {
            case .plain: (0, 0, 0)
            case .title: (2, 0, bold)
            case .muted: (0, dim, 0)
            case .good: (2, 0, 0)
            case .warning: (3, bold, bold)
            case .failure: (1, bold, reverse)
            case .first: (6, 0, 0)
            case .second: (3, 0, bold)
            case .third: (5, 0, 0)
            case .fourth: (4, bold, 0)
            }
        return hasColors ? (look.color, look.attributes) : (0, look.plain)
    }
}
