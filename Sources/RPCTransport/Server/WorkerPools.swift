/// The threads of each class of work.
struct WorkerPools: Sendable {
    private let points: WorkerPool
    private let bulk: WorkerPool
    private let walks: WorkerPool

    init(_ configuration: RPCServer.Configuration) {
        let capacity = configuration.workerQueueCapacity
        let walkThreads = max(2, configuration.walkThreadCount)
        points = WorkerPool(
            .init(
                name: "points", threadCount: configuration.workerThreadCount, batchLimit: 32,
                capacity: capacity))
        bulk = WorkerPool(
            .init(
                name: "bulk", threadCount: configuration.bulkThreadCount, batchLimit: 1,
                capacity: capacity))
        walks = WorkerPool(
            .init(
                name: "walks", threadCount: walkThreads, batchLimit: 1, capacity: capacity,
                laneLimit: walkThreads / 2, isBackground: true))
    }

    func pool(of execution: RPCMethod.Execution) -> WorkerPool {
        switch execution {
        case .points, .eventLoop: points
        case .bulk: bulk
        case .walks: walks
        }
    }

    /// Jobs that wait for a thread, by class.
    var waitingCounts: [(name: String, count: Int)] {
        [
            ("points", points.waitingCount), ("bulk", bulk.waitingCount),
            ("walks", walks.waitingCount),
        ]
    }

    func start() throws {
        for pool in [points, bulk, walks] { try pool.start() }
    }

    func stop() {
        for pool in [points, bulk, walks] { pool.stop() }
    }

    /// Hands over finished answers that wait for a slow handler later in their batch. Only points run in batches.
    func handOverAnswers() { points.handOverAnswers() }
}
