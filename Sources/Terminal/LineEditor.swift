import CLibedit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Lines that a person types, with editing, history (arrow keys, Ctrl-R) and completion (Tab). What is
/// pasted is text, also line ends in it. Lines that begin with a blank are not remembered.
///
///     let editor = LineEditor(prompt: "immuclient>", historyFile: "/home/me/.immuclient_history") {
///         _, word in ["get", "set"].filter { $0.hasPrefix(word) }
///     }
///     while let line = try editor.readLine() { … }
///
/// If the standard input is no terminal, its lines are read as they are: no prompt, no history.
/// One at a time in a process, and used by one thread at a time; `readLine` blocks it.
public final class LineEditor {
    private let streams: TerminalStreams
    private let editing: Editing?

    /// - Parameters:
    ///   - prompt: shown as it is given.
    ///   - historyFile: nil for a history that ends with the process.
    ///   - complete: whole words that could be meant, given the line up to the cursor and the word
    ///     that it ends in, which may be empty.
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

    /// The next line, without its end. Ctrl-C while it is typed drops it and gives an empty line.
    ///
    /// - Returns: nil at the end of the input, which is Ctrl-D in an empty line.
    /// - Throws: `TerminalError` if the line is no text; the next one can be read.
    public func readLine() throws(TerminalError) -> String? {
        guard let editing else { return try streams.readLine() }
        return try editing.readLine()
    }
}

/// libedit's editor and history, and what their callbacks need.
///
/// The callbacks are called from within `readLine` only, on its thread, and find this object by the
/// pointer that the editor keeps for them: nothing is global.
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
    /// As the line was drawn for.
    private var size: TerminalSize?

    /// nil if the terminal cannot be opened a second time, or there is no memory.
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
            // libedit passes a character of its own, which is there until this returns.
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
        // As in other shells, a line that begins with a blank is not for others to see.
        if LineHistory.isWorthRemembering(line), line.first?.isWhitespace == false {
            editing_remember(lines, line)
            history?.add(line)
        }
        return line
    }

    // MARK: keys

    /// Ctrl-Z: leaves the terminal as the shell that goes on knows it, and takes it back afterwards.
    private func suspend() -> UInt8 {
        streams.write(codes.endsPasting + "\n")
        editing_prepare_terminal(editor, 0)
        Self.stopProcess()
        editing_prepare_terminal(editor, 1)
        streams.write(codes.beginsPasting)
        return UInt8(CC_REDISPLAY)
    }

    /// Returns when the process goes on.
    private static func stopProcess() {
        // The handler of libedit would do the same, but once for each line only.
        let previous = signal(SIGTSTP, SIG_DFL)
        // To this thread, which may block signals: it has to stop here, not a little later.
        var (own, before) = (sigset_t(), sigset_t())
        sigemptyset(&own)
        sigaddset(&own, SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &own, &before)
        raise(SIGTSTP)
        pthread_sigmask(SIG_SETMASK, &before, nil)
        signal(SIGTSTP, previous)
    }

    /// Inserts what a terminal sends between the marks of a paste: line ends and control characters are
    /// text, not keys.
    private func paste() -> UInt8 {
        var text: [Unicode.Scalar] = []
        while let scalar = readCharacter() {
            text.append(scalar)
            if text.suffix(Self.pasteEnd.count).elementsEqual(Self.pasteEnd) {
                text.removeLast(Self.pasteEnd.count)
                break
            }
        }
        // Terminals send the key for a line end. A line cannot have a zero.
        var string = String.UnicodeScalarView()
        string.append(contentsOf: text.lazy.filter { $0 != "\0" }.map { $0 == "\r" ? "\n" : $0 })
        guard !string.isEmpty else { return UInt8(CC_REFRESH) }
        return UInt8(el_insertstr(editor, String(string)) == 0 ? CC_REFRESH : CC_ERROR)
    }

    private static let pasteEnd = "\u{1b}[201~".unicodeScalars

    // MARK: reading

    /// Waits for a character, and draws the line again meanwhile if the terminal gets another size.
    ///
    /// The size is looked at four times a second: its signal may come to any thread.
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

    /// libedit reads characters as the locale says. Where it says nothing, they are UTF-8.
    private static func useTextOfUTF8() {
        setlocale(LC_CTYPE, "")
        guard let name = nl_langinfo(nl_item(CODESET)), String(cString: name) != "UTF-8" else {
            return
        }
        if setlocale(LC_CTYPE, "C.UTF-8") == nil { setlocale(LC_CTYPE, "UTF-8") }
    }
}

/// What terminals obey beside the codes that libedit knows; empty for one that obeys none.
private struct ControlCodes {
    var clear = ""
    var clearToEnd = ""
    /// From now on, pastes come between marks.
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
