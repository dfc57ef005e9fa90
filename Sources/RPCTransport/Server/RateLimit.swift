import NIOCore

/// Limits how often something may happen: `burst` times at once, then `perSecond`.
struct RateLimit {
    private let burst: Int
    private let perSecond: Int
    private var left: Int
    private var lastRefill = NIODeadline.now()

    init(burst: Int, perSecond: Int) {
        self.burst = burst
        self.perSecond = perSecond
        left = burst
    }

    /// Counts one event. Returns false if there were too many.
    mutating func take() -> Bool {
        if left <= 0 {
            let now = NIODeadline.now()
            let milliseconds = (now - lastRefill).nanoseconds / 1_000_000
            let more = min(Int64(burst), milliseconds.multipliedSaturated(by: perSecond) / 1_000)
            guard more > 0 else { return false }
            left = Int(more)
            lastRefill = now
        }
        left -= 1
        return true
    }
}

extension Int64 {
    fileprivate func multipliedSaturated(by other: Int) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: Int64(other))
        return overflow ? .max : product
    }
}
