public import ArgumentParser

/// `--rate`: mebibytes a second.
public struct Rate: ExpressibleByArgument, Sendable {
    public let bytesPerSecond: Int

    public init?(argument: String) {
        guard let mebibytes = Int(argument), (1...1 << 20).contains(mebibytes) else { return nil }
        bytesPerSecond = mebibytes << 20
    }
}
