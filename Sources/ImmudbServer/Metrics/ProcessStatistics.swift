import POSIX
import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The system's figures about this process. Empty if there is no /proc.
enum ProcessStatistics {
    static func current() -> [(ServerMetric, Double)] {
        #if os(Linux)
            var values: [(ServerMetric, Double)] = []
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            // proc_pid_stat(5): the third field follows the name in parentheses.
            if let text = contents("/proc/self/stat"), let end = text.lastIndex(of: ")") {
                let fields = text[text.index(after: end)...].split(separator: " ")
                func field(_ number: Int) -> Double {
                    fields.count > number - 3 ? Double(fields[number - 3]) ?? 0 : 0
                }
                values.append((.processorSeconds, (field(14) + field(15)) / ticks))
                values.append((.virtualBytes, field(23)))
                values.append((.residentBytes, field(24) * Double(sysconf(Int32(_SC_PAGESIZE)))))
                if let boot = bootTime {
                    values.append((.processStart, boot + field(22) / ticks))
                }
            }
            if let count = openDescriptorCount() { values.append((.openDescriptors, count)) }
            if let limit = openFileLimit() { values.append((.mostDescriptors, Double(limit))) }
            return values
        #else
            return []
        #endif
    }

    #if os(Linux)
        private static let bootTime = contents("/proc/stat")?.split(separator: "\n")
            .first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst(6)) }

        private static func contents(_ path: String) -> String? {
            guard let file = try? FileDescriptor.open(path, .readOnly) else { return nil }
            defer { try? file.close() }
            return (try? file.bytes(upTo: 64 << 10)).map { String(decoding: $0, as: UTF8.self) }
        }

        private static func openDescriptorCount() -> Double? {
            guard let folder = opendir("/proc/self/fd") else { return nil }
            defer { closedir(folder) }
            var count = 0
            while readdir(folder) != nil { count += 1 }
            return Double(count - 3)  // ".", "..", and the folder's own
        }
    #endif
}
