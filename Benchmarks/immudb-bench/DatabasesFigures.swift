import Dispatch
import Foundation
import Glibc
import ImmudbStore

/// What the process has now, by /proc.
private func processFigures() throws -> String {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    func number(_ name: String) -> Int {
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
    return "\(number("Threads")) threads, \(number("VmRSS") / 1024) MiB resident"
}

/// Opens many databases, writes to each in turn, and prints threads and memory: with resources that they
/// share, or of their own.
func measureDatabases(_ count: Int, isShared: Bool, entries: Int) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/immudb-databases-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    print("before: \(try processFigures())")
    do {
        var options = Database.Options()
        options.durability = .never
        options.segmentByteCount = 1 << 20
        if isShared { options.resources = try StoreResources() }
        let start = ContinuousClock.now
        let databases = try (0..<count).map {
            try Database.open(at: "\(folder)/\($0)", options: options)
        }
        options.resources = nil
        print("\(count) open: \(try processFigures()), after \(ContinuousClock.now - start)")
        let written = ContinuousClock.now
        let value = [UInt8](repeating: 7, count: 100)
        for round in 0..<max(1, entries / 100) {
            let answered = DispatchSemaphore(value: 0)
            for database in databases {
                let batch = (0..<min(100, entries)).map {
                    NewEntry(key: Array("key \(round) \($0)".utf8), value: value)
                }
                database.append(batch) { _ in answered.signal() }
            }
            for _ in databases { answered.wait() }
        }
        print(
            "\(entries) entries in each: \(try processFigures()), after \(ContinuousClock.now - written)"
        )
        let end = ContinuousClock.now
        for database in databases { try database.close() }
        print("closing took \(ContinuousClock.now - end)")
    }
    print("closed: \(try processFigures())")
}
