public import Foundation

/// A folder for one test, which is removed when this object is destroyed: keep the object for as
/// long as files in the folder are used.
public final class TemporaryFolder: Sendable {
    public let url: URL
    public var path: String { url.path }

    public init() {
        url = Self.newURL()
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            fatalError("no folder for temporary files: \(error)")
        }
    }

    /// Makes a name for a folder that the test creates.
    public init(unmade: Void) { url = Self.newURL() }

    private static func newURL() -> URL {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("immudb-test-\(UUID().uuidString)")
    }

    /// Returns the URL of a file in the folder.
    public func file(_ name: String) -> URL { url.appendingPathComponent(name) }

    /// Writes a file into the folder, and returns its path.
    public func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: file(name))
        return file(name).path
    }

    /// A database that was released and not closed may still write its last file while its folder
    /// is removed.
    deinit {
        for _ in 0..<100 {
            try? FileManager.default.removeItem(at: url)
            guard FileManager.default.fileExists(atPath: url.path) else { return }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }
}
