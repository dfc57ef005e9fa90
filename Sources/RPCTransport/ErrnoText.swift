#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What the operating system says of an error number, for messages.
enum ErrnoText {
    static func describe(_ number: Int32) -> String {
        guard let text = strerror(number) else { return "error \(number)" }
        return String(cString: text)
    }
}
