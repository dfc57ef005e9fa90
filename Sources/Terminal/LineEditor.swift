import CLibedit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Reads lines that a person types, with editing, history (arrow keys, Ctrl-R) and completion (Tab). Pasted input is
/// text, including its line ends. Lines that begin with a blank are not remembered.
///
///     let editor = LineEditor(prompt: "immuclient>", historyFile: "/home/me/.immuclient_history") {
///         _, word in ["get", "set"].filter { $0.hasPrefix(word) }
///     }
///     while let line = try editor.readLine() { … }
///
/// If the standard input is not a terminal, its lines are read as they are: without prompt and history. A process may
/// have one editor at a time, and use it on one thread at a time, which `readLine` blocks.
public final class LineEditor {
    private let streams: TerminalStreams
    private let editing: Editing?

    /// - Parameters:
    ///   - prompt: shown unchanged.
    ///   - historyFile: nil for a history that ends with the process.
    ///   - complete: returns whole words for the line up to the cursor and the word at its end, which
    ///     may be empty.
    public convenience init(
        prompt: String, historyFile: String? = nil,
        complete: @escaping (_ line: String, _ word: String) -> [String] = { _, _ in [] }
    ) {
        self.init(
            prompt: prompt, historyFile: historyFile, through: .standard, complete: complete)
    }

    init(
        prompt: String, historyFile: String?, through streams: TerminalStreams,
        complete: @escaping (_ line: String, _ word: String) -> [String]
    ) {
        self.streams = streams
        editing =
            streams.isInteractive
            ? Editing(
                prompt: prompt, history: historyFile.map(LineHistory.init(path:)),
                streams: streams, complete: complete) : nil
    }

    /// Clears the terminal. Does nothing if the input is not a terminal.
    public func clearScreen() {
        if editing != nil { streams.write(ControlCodes.ofTerminal.clear) }
    }

    /// Returns the next line, without its end. Ctrl-C during typing drops the line and returns an empty one.
    ///
    /// - Returns: nil at the end of the input, which is Ctrl-D in an empty line.
    /// - Throws: `TerminalError` if the line is not text; the next one can be read.
    public func readLine() throws(TerminalError) -> String? {
        guard let editing else { return try streams.readLine() }
        return try editing.readLine()
    }
}

/// libedit's editor and history, and the data of their callbacks.
///
/// The callbacks are called only within `readLine`, on its thread, and find this object by the pointer that the editor
/// keeps for them, so there are no globals.
private final class Editing {
    private let editor: OpaquePointer
    private let lines: OpaquePointer
    private let files: [UnsafeMutablePointer<FILE>]
    private let prompt: UnsafeMutablePointer<CChar>
    private let history: LineHistory?
    private let streams: TerminalStreams
    private let complete: (String, String) -> [String]
    private var isInterrupted = false
    private let codes = ControlCodes.ofTerminal
    /// The size of the terminal for which the line was drawn.
    private var size: TerminalSize?

    /// Returns nil if the terminal cannot be opened a second time, or there is no memory.
    init?(
        prompt: String, history: LineHistory?, streams: TerminalStreams,
        complete: @escaping (String, String) -> [String]
    ) {
        Self.useTextOfUTF8()
        guard let input = fdopen(dup(streams.input), "r") else { return nil }
        guard let output = fdopen(dup(streams.output), "w") else {
            fclose(input)
            return nil
        }
        guard let lines = history_init(), let editor = el_init("immudb", input, output, output),
            let prompt = strdup(prompt)
        else {
            // Only a process that is out of memory gets here.
            fclose(input)
            fclose(output)
            return nil
        }
        (self.editor, self.lines, self.prompt) = (editor, lines, prompt)
        files = [input, output]
        self.history = history
        self.streams = streams
        self.complete = complete
        setUp()
    }

    deinit {
        el_end(editor)
        history_end(lines)
        free(prompt)
        for file in files { fclose(file) }
    }

    private func setUp() {
        editing_set_owner(editor, Unmanaged.passUnretained(self).toOpaque())
        editing_set_prompt(editor) { editor in Editing.of(editor)?.prompt }
        editing_set_usual_keys(editor)
        editing_set_completion(editor) { editor, _ in
            Editing.of(editor)?.completeWord() ?? UInt8(CC_ERROR)
        }
        editing_set_interrupt(editor) { editor, _ in
            Editing.of(editor)?.isInterrupted = true
            return UInt8(CC_NEWLINE)
        }
        editing_set_suspension(editor) { editor, _ in
            Editing.of(editor)?.suspend() ?? UInt8(CC_ERROR)
        }
        editing_set_paste(editor) { editor, _ in Editing.of(editor)?.paste() ?? UInt8(CC_ERROR) }
        editing_set_reader(editor) { editor, character in
            // libedit passes its own character, which is valid until this returns.
            guard let character, let editing = Editing.of(editor) else { return -1 }
            guard let scalar = editing.readCharacter() else { return 0 }
            character.pointee = wchar_t(scalar.value)
            return 1
        }
        editing_set_history(editor, lines, Int32(LineHistory.maxLineCount))
        for line in history?.lines() ?? [] { editing_remember(lines, line) }
    }

    private static func of(_ editor: OpaquePointer?) -> Editing? {
        editing_owner(editor).map { Unmanaged.fromOpaque($0).takeUnretainedValue() }
    }

    func readLine() throws(TerminalError) -> String? {
        isInterrupted = false
        var count: Int32 = 0
        size = TerminalSize(of: streams.output)
        streams.write(codes.beginsPasting)
        let bytes = el_gets(editor, &count)
        streams.write(codes.endsPasting)
        if isInterrupted {
            streams.write("\n")
            return ""
        }
        guard let bytes, count > 0 else {
            streams.write("\n")
            return nil
        }
        guard var line = String(validatingCString: bytes) else {
            throw TerminalError("the line is not UTF-8 text: set the terminal to UTF-8")
        }
        if line.last == "\n" { line.removeLast() }
        // As in other shells, a line that begins with a blank is private.
        if LineHistory.isWorthRemembering(line), line.first?.isWhitespace == false {
            editing_remember(lines, line)
            history?.add(line)
        }
        return line
    }

    // MARK: keys

    /// Handles Ctrl-Z: restores the terminal for the parent shell, and sets it up again when the process resumes.
    private func suspend() -> UInt8 {
        streams.write(codes.endsPasting + "\n")
        editing_prepare_terminal(editor, 0)
        Self.stopProcess()
        editing_prepare_terminal(editor, 1)
        streams.write(codes.beginsPasting)
        return UInt8(CC_REDISPLAY)
    }

    /// Stops the process. Returns when it is resumed.
    private static func stopProcess() {
        // The handler of libedit would do the same, but only once for each line.
        let previous = signal(SIGTSTP, SIG_DFL)
        // Raised on this thread, which may block signals, so that the process stops here and not later.
        var (own, before) = (sigset_t(), sigset_t())
        sigemptyset(&own)
        sigaddset(&own, SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &own, &before)
        raise(SIGTSTP)
        pthread_sigmask(SIG_SETMASK, &before, nil)
        signal(SIGTSTP, previous)
    }

    /// Inserts the text that a terminal sends between the marks of a paste: line ends and control characters are text,
    /// not keys.
    private func paste() -> UInt8 {
        var text: [Unicode.Scalar] = []
        while let scalar = readCharacter() {
            text.append(scalar)
            if text.suffix(Self.pasteEnd.count).elementsEqual(Self.pasteEnd) {
                text.removeLast(Self.pasteEnd.count)
                break
            }
        }
        // Terminals send the Return key for a line end. A line cannot contain a zero.
        var string = String.UnicodeScalarView()
        string.append(contentsOf: text.lazy.filter { $0 != "\0" }.map { $0 == "\r" ? "\n" : $0 })
        guard !string.isEmpty else { return UInt8(CC_REFRESH) }
        return UInt8(el_insertstr(editor, String(string)) == 0 ? CC_REFRESH : CC_ERROR)
    }

    private static let pasteEnd = "\u{1b}[201~".unicodeScalars

    // MARK: reading

    /// Waits for a character, and meanwhile draws the line again if the size of the terminal changes.
    ///
    /// The size is checked four times a second, since the signal for it may be delivered to any thread.
    ///
    /// - Returns: U+FFFD for bytes that are not UTF-8; nil at the end of the input.
    fileprivate func readCharacter() -> Unicode.Scalar? {
        var bytes: [UInt8] = []
        while true {
            guard let byte = readByte() else { return nil }
            bytes.append(byte)
            if let text = String(validating: bytes, as: UTF8.self),
                let scalar = text.unicodeScalars.first
            {
                return scalar
            }
            // A character has at most four bytes, and the first of several is at least C2.
            guard bytes.count < 4, bytes[0] >= 0xc2 else { return "\u{fffd}" }
        }
    }

    private func readByte() -> UInt8? {
        while true {
            var input = pollfd(fd: streams.input, events: Int16(POLLIN), revents: 0)
            let count = poll(&input, 1, 250)
            if count > 0 { break }
            if count < 0, errno != EINTR { return nil }
            let newSize = TerminalSize(of: streams.output)
            guard newSize != size else { continue }
            size = newSize
            // The editor draws as on an empty line.
            streams.write("\r" + codes.clearToEnd)
            el_resize(editor)
            editing_refresh(editor)
        }
        var byte: UInt8 = 0
        while true {
            let count = read(streams.input, &byte, 1)
            if count == 1 { return byte }
            guard count < 0, errno == EINTR else { return nil }
        }
    }

    private func completeWord() -> UInt8 {
        guard let info = el_line(editor)?.pointee, let start = info.buffer, let end = info.cursor,
            let line = String(
                validating: UnsafeBufferPointer(start: start, count: end - start).map {
                    UInt8(bitPattern: $0)
                }, as: UTF8.self)
        else { return UInt8(CC_ERROR) }
        switch Completion(of: line, by: complete) {
        case .nothing:
            return UInt8(CC_REFRESH_BEEP)
        case .insert(let text):
            return UInt8(el_insertstr(editor, text) == 0 ? CC_REFRESH : CC_ERROR)
        case .list(let words):
            streams.write(
                "\n" + Completion.columns(words, width: TerminalWidth.of(streams.output)))
            return UInt8(CC_REDISPLAY)
        }
    }

    /// Makes libedit read characters by the locale or, if none is set, as UTF-8.
    private static func useTextOfUTF8() {
        setlocale(LC_CTYPE, "")
        guard let name = nl_langinfo(nl_item(CODESET)), String(cString: name) != "UTF-8" else {
            return
        }
        if setlocale(LC_CTYPE, "C.UTF-8") == nil { setlocale(LC_CTYPE, "UTF-8") }
    }
}

/// Control codes beside those that libedit knows; empty for a terminal without control codes.
private struct ControlCodes {
    var clear = ""
    var clearToEnd = ""
    /// Makes the terminal mark pastes from now on.
    var beginsPasting = ""
    var endsPasting = ""

    static var ofTerminal: ControlCodes {
        let name = getenv("TERM").map { String(cString: $0) } ?? ""
        guard !["", "dumb"].contains(name) else { return ControlCodes() }
        return ControlCodes(
            clear: "\u{1b}[H\u{1b}[2J", clearToEnd: "\u{1b}[J", beginsPasting: "\u{1b}[?2004h",
            endsPasting: "\u{1b}[?2004l")
    }
}
