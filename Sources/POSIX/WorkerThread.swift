import Synchronization
public import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A thread of the operating system, for work that blocks.
public final class WorkerThread: Sendable {
    #if canImport(Darwin)
        // A pointer there; never dereferenced here.
        private nonisolated(unsafe) let handle: pthread_t
    #else
        private let handle: pthread_t
    #endif
    private let isJoined = Atomic(false)

    /// Starts a thread that runs `body` and ends with it.
    ///
    /// - Parameters:
    ///   - name: shown by `top -H` and by debuggers; Linux shows 15 bytes of it.
    ///   - isInBackground: whether other threads go first when there are more of them than processors.
    /// - Throws: `Errno` if the system has no threads left.
    public init(
        name: String, isInBackground: Bool = false, _ body: @escaping @Sendable () -> Void
    ) throws(Errno) {
        // Retained once here, and released once: by the thread or, if it cannot be started, below.
        let start = Unmanaged.passRetained(Start(name, isInBackground, body))
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let result = pthread_create(
            &thread, nil,
            { argument in
                #if canImport(Darwin)
                    Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run()
                #else
                    Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().run()
                #endif
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw Errno(rawValue: result)
        }
        #if canImport(Darwin)
            handle = thread!
        #else
            handle = thread
        #endif
    }

    /// Whether the caller runs on this thread.
    public var isCurrent: Bool { pthread_equal(handle, pthread_self()) != 0 }

    /// Lowers the priority of the calling thread, so that it gives way to others. Does nothing on other systems than
    /// Linux, where it would concern the whole process.
    ///
    /// - Parameter steps: by how much, of 20 that there are.
    public static func giveWay(by steps: Int32) {
        #if os(Linux)
            let thread = __priority_which_t(PRIO_PROCESS.rawValue)
            _ = setpriority(thread, 0, getpriority(thread, 0) + steps)
        #endif
    }

    /// Waits until the thread has ended. Call it once, from another thread.
    public func join() {
        isJoined.store(true, ordering: .relaxed)
        pthread_join(handle, nil)
    }

    deinit {
        // The system keeps the stack of a thread that has ended until another thread joins it, or detaches it.
        if !isJoined.load(ordering: .relaxed) { pthread_detach(handle) }
    }

    private final class Start: Sendable {
        private let name: String
        private let isInBackground: Bool
        private let body: @Sendable () -> Void

        init(_ name: String, _ isInBackground: Bool, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.isInBackground = isInBackground
            self.body = body
        }

        func run() {
            #if canImport(Darwin)
                pthread_setname_np(name)
            #else
                typealias SetName = @convention(c) (pthread_t, UnsafePointer<CChar>) -> Int32
                let setName = systemFunction("pthread_setname_np", as: SetName.self)
                _ = setName?(pthread_self(), String(decoding: name.utf8.prefix(15), as: UTF8.self))
            #endif
            if isInBackground { lowerPriority() }
            body()
        }

        /// A failure, where a sandbox forbids it, leaves the thread as it is.
        private func lowerPriority() {
            #if canImport(Darwin)
                _ = setpriority(PRIO_DARWIN_THREAD, 0, PRIO_DARWIN_BG)
            #else
                // On Linux each thread has a niceness of its own, and 0 is the caller.
                typealias SetPriority = @convention(c) (Int32, UInt32, Int32) -> Int32
                let setPriority = systemFunction("setpriority", as: SetPriority.self)
                _ = setPriority?(0, 0, 19)
            #endif
        }
    }
}
