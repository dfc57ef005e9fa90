#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Charset {
    /// Returns the charset of the process's terminal, by the locale and TERM. Sets the process's character locale,
    /// which curses uses.
    static func ofTerminal() -> Charset {
        let isSet = setlocale(LC_CTYPE, "") != nil
        // After ssh, the user's locale is often not installed, although the terminal uses UTF-8.
        if !(isSet && isLocaleUTF8), wantsUTF8 { setlocale(LC_CTYPE, "C.UTF-8") }
        guard isLocaleUTF8 else { return .ascii }
        return environment("TERM") == "linux" ? .blocks : .braille
    }

    private static var isLocaleUTF8: Bool {
        nl_langinfo(nl_item(CODESET)).map { String(cString: $0) } == "UTF-8"
    }

    /// Whether the variables of the locale ask for UTF-8. The first one that is set applies.
    private static var wantsUTF8: Bool {
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.map(environment).first { !$0.isEmpty } ?? ""
        let lowercase = name.lowercased()
        return lowercase.hasSuffix("utf-8") || lowercase.hasSuffix("utf8")
    }
}

/// Returns an environment variable; empty if it is not set.
func environment(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
