public import ImmudbModel
public import POSIX

extension WorkerThread {
    /// Starts a thread of the database.
    ///
    /// - Throws: `io` if the system has no threads left.
    public static func start(
        _ name: String, isInBackground: Bool = false, _ body: @escaping @Sendable () -> Void
    ) throws(StoreError) -> WorkerThread {
        do {
            return try WorkerThread(name: name, isInBackground: isInBackground, body)
        } catch {
            throw StoreError.system("cannot start the thread", name, error.rawValue)
        }
    }
}
