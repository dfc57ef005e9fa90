#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Returns the time in microseconds since 1970.
func wallClockMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}

/// Has the calling thread sleep.
func sleepThread(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    var rest = timespec()
    rest.tv_sec = time_t(seconds)
    rest.tv_nsec = Int(attoseconds / 1_000_000_000)
    var wanted = rest
    while nanosleep(&wanted, &rest) != 0, errno == EINTR { wanted = rest }
}
