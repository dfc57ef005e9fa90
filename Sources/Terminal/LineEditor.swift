import CLibedit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Lines that a person types, with editing, history (arrow keys, Ctrl-R) and completion (Tab).
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
        editing_set_history(editor, lines, Int32(LineHistory.maxLineCount))
        for line in history?.lines() ?? [] { editing_remember(lines, line) }
    }

    private static func of(_ editor: OpaquePointer?) -> Editing? {
        editing_owner(editor).map { Unmanaged.fromOpaque($0).takeUnretainedValue() }
    }

    func readLine() throws(TerminalError) -> String? {
        isInterrupted = false
        var count: Int32 = 0
        let bytes = el_gets(editor, &count)
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
        if LineHistory.isWorthRemembering(line) {
            editing_remember(lines, line)
            history?.add(line)
        }
        return line
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
