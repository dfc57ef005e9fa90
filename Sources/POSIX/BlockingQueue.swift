/// A queue of limited capacity between threads that may block. Any thread puts elements; one thread takes them.
public final class BlockingQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var weight = 0
        var isClosed = false

        mutating func add(_ element: Element, _ weight: Int) {
            elements.append(element)
            self.weight += weight
        }
    }

    private let capacity: Int
    private let monitor = Monitor(State())

    /// - Parameter capacity: the largest sum of weights. An element that is heavier than that is accepted when the
    ///   queue is empty.
    public init(capacity: Int) { self.capacity = capacity }

    /// Whether the queue is empty at this moment.
    public var isEmpty: Bool { monitor.read { $0.elements.isEmpty } }

    public enum PutResult: Sendable { case queued, full, closed }

    /// Puts an element at the end, without waiting.
    ///
    /// - Parameter reserve: how much of the capacity must stay free for other elements.
    public func put(_ element: Element, weight: Int = 1, reserve: Int = 0) -> PutResult {
        monitor.change { state in
            if state.isClosed { return .closed }
            if state.weight > 0, state.weight + weight > capacity - reserve { return .full }
            state.add(element, weight)
            return .queued
        }
    }

    /// Puts an element at the end, and waits for room.
    /// - Returns: false if the queue is closed.
    public func putWaiting(_ element: Element, weight: Int = 1) -> Bool {
        monitor.wait { state -> Bool? in
            if state.isClosed { return false }
            if state.weight > 0, state.weight + weight > capacity { return nil }
            state.add(element, weight)
            return true
        } ?? false
    }

    /// Takes all elements, the oldest first, and waits for one if the queue is empty.
    ///
    /// - Parameter timeoutMilliseconds: the longest wait; nil for no limit.
    /// - Returns: an empty array after the timeout; nil when the queue is closed and empty.
    public func takeAll(timeoutMilliseconds: Int? = nil) -> [Element]? {
        let taken = monitor.wait(upTo: timeoutMilliseconds.map { .milliseconds($0) }) {
            state -> [Element]?? in
            if state.elements.isEmpty { return state.isClosed ? .some(nil) : nil }
            var taken: [Element] = []
            swap(&taken, &state.elements)
            state.weight = 0
            return taken
        }
        return taken ?? []
    }

    /// Accepts no more elements; those that wait are still handed out.
    public func close() { monitor.change { $0.isClosed = true } }
}
