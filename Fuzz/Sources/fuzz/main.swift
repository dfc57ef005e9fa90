import CFuzzer
import FuzzTargets

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The target that FUZZ_TARGET names. It is no argument, since libFuzzer owns the command line.
private let target: FuzzTarget = {
    guard let name = getenv("FUZZ_TARGET").map({ String(cString: $0) }),
        let target = FuzzTarget.named(name)
    else {
        let names = FuzzTarget.all.map(\.name).joined(separator: " ")
        fatalError("FUZZ_TARGET must name one of these targets: \(names)")
    }
    return target
}()

/// Runs one input; libFuzzer takes a crash for a finding.
private func run(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do {
        try target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        fatalError("\(target.name): \(error)")
    }
    return 0
}

_ = target
var argumentCount = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(LLVMFuzzerRunDriver(&argumentCount, &arguments) { run($0, $1) })
