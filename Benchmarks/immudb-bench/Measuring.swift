import Glibc
import ImmudbStore
import TestTools

/// Seconds since some point, monotonic.
func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// User and system time of a process so far, in seconds, to the nanosecond.
func cpuSeconds(process: Int32) throws -> Double {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else {
        throw BenchError("there is no process \(process)")
    }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Returns when this process uses next to no processor any more: RocksDB compacts for half a minute after
/// a database was filled, and on two processors that share a core this makes all else slower by half.
func waitUntilIdle() throws {
    var before = try cpuSeconds(process: getpid())
    for _ in 0..<120 {
        usleep(1_000_000)
        let after = try cpuSeconds(process: getpid())
        if after - before < 0.05 { return }
        before = after
    }
    throw BenchError("this process does not come to rest")
}

/// The resident memory of a process and how much of it is not backed by files, in MiB.
func residentMebibytes(process: Int32) throws -> Double {
    let status = try readText("/proc/\(process)/status")
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return (Double(line.split(separator: " ").dropFirst().first ?? "0") ?? 0) / 1024
}

func readText(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw BenchError("cannot read \(path)") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The n-th random 16-byte key; its first byte is never zero.
func randomKey(_ number: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: number)
    let (first, second) = (random.next() | 1, random.next())
    return [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
        let raw = UnsafeMutableRawBufferPointer(buffer)
        raw.storeBytes(of: first.littleEndian, as: UInt64.self)
        raw.storeBytes(of: second, toByteOffset: 8, as: UInt64.self)
        count = 16
    }
}

/// 100 bytes.
let value100 = [UInt8](repeating: 0x61, count: 100)

/// A folder below the current one, so that a real disk is measured and not a tmpfs.
final class BenchFolder {
    let path: String

    init() throws {
        var template = Array(".build/bench-XXXXXX".utf8CString)
        mkdir(".build", 0o755)
        guard let made = mkdtemp(&template) else {
            throw BenchError("cannot make a folder in .build")
        }
        path = String(cString: made)
    }

    deinit { run(["/bin/rm", "-rf", path]) }
}

/// Starts a program; its output goes where this one's does.
func start(_ command: [String]) throws -> Int32 {
    var arguments = command.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    guard posix_spawn(&process, command[0], nil, nil, arguments, environ) == 0 else {
        throw BenchError("cannot start \(command[0])")
    }
    return process
}

@discardableResult
func run(_ command: [String]) -> Int32 {
    guard let process = try? start(command) else { return -1 }
    var status: Int32 = 0
    waitpid(process, &status, 0)
    return status
}

/// Stops a process and waits for its end.
func end(_ process: Int32, signal: Int32) {
    kill(process, signal)
    var status: Int32 = 0
    waitpid(process, &status, 0)
}

let thisExecutable = "/proc/self/exe"
