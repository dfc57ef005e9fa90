import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Ctrl-C, SIGTERM and SIGHUP wait while a function runs, so that they leave no half-written file. One that has come ends
/// the process then.
///
/// A signal that is ignored, as under nohup, stays ignored. One function at a time.
public enum HeldSignals {
    public static func during<Value, Failure: Error>(
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let previous = [SIGINT, SIGTERM, SIGHUP].map { number in
            let handler = signal(number) { heldSignal.store($0, ordering: .sequentiallyConsistent) }
            if isIgnoring(handler) { signal(number, SIG_IGN) }
            return (number, handler)
        }
        defer {
            for (number, handler) in previous { signal(number, handler) }
            raiseHeld()
        }
        return try body()
    }

    private static func raiseHeld() {
        let number = heldSignal.exchange(0, ordering: .sequentiallyConsistent)
        guard number != 0 else { return }
        // This thread may block signals.
        var own = sigset_t()
        sigemptyset(&own)
        sigaddset(&own, number)
        pthread_sigmask(SIG_UNBLOCK, &own, nil)
        raise(number)
    }
}

/// The number of the signal that waits; 0 for none.
private let heldSignal = Atomic<Int32>(0)
