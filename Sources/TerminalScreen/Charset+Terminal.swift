#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Charset {
    /// What the terminal of this process shows, by the locale and TERM. Sets the locale's characters for the process, which
    /// curses goes by.
    static func ofTerminal() -> Charset {
        let isSet = setlocale(LC_CTYPE, "") != nil
        // The locale of a person who came by ssh is often not installed, and the terminal is UTF-8 all the same.
        if !(isSet && isLocaleUTF8), wantsUTF8 { setlocale(LC_CTYPE, "C.UTF-8") }
        guard isLocaleUTF8 else { return .ascii }
        return environment("TERM") == "linux" ? .blocks : .braille
    }

    private static var isLocaleUTF8: Bool {
        nl_langinfo(nl_item(CODESET)).map { String(cString: $0) } == "UTF-8"
    }

    /// What the variables of the locale ask for: the first that is set counts.
    private static var wantsUTF8: Bool {
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.map(environment).first { !$0.isEmpty } ?? ""
        let lowercase = name.lowercased()
        return lowercase.hasSuffix("utf-8") || lowercase.hasSuffix("utf8")
    }
}

/// A variable; empty if it is not set.
func environment(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
