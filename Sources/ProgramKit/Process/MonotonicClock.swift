#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The clock that counts from the start of the machine, on which timeouts and timers depend.
///
/// SwiftNIO ends the process if it is before 0. Event loops spin if its nanoseconds exceed 63 bits,
/// after 292 years. No machine gets there, but a library that fakes the time of a process does.
enum MonotonicClock {
    private static let longestSeconds = 200 * 365 * 86_400
    private static let faketimeSwitch = "FAKETIME_DONT_FAKE_MONOTONIC"

    /// Ends the process if the clock cannot be used. Under libfaketime, starts the process again
    /// with the machine's own clock.
    static func requireUsable() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        guard !(0...longestSeconds).contains(time.tv_sec) else { return }
        if getenv("LD_PRELOAD") != nil, getenv(faketimeSwitch).map({ String(cString: $0) }) != "1" {
            // Before `setenv`, which moves the environment: the runtime finds the arguments beside
            // it.
            var arguments = ProcessArguments.all().map { bytes in
                strdup(bytes.map { CChar(bitPattern: $0) } + [0])
            }
            arguments.append(nil)
            setenv(faketimeSwitch, "1", 1)
            // By its path, so that the process keeps its name.
            if arguments.count > 1, let path = realpath("/proc/self/exe", nil) {
                execv(path, &arguments)
            }
        }
        StandardFiles.write(
            "Error: the clock that counts from the start of this machine is at \(time.tv_sec) seconds. "
                + "Is the time of this process faked? Let the library fake CLOCK_REALTIME alone\n",
            to: STDERR_FILENO)
        exit(EXIT_FAILURE)
    }
}
