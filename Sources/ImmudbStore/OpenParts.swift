import StorageIO

/// The parts of an open database, which are opened and closed together.
final class OpenParts: Sendable {
    let storage: Storage
    let pipeline: CommitPipeline
    let selfCheck: SelfCheck?
    let closing: Closing

    /// Opens a folder, see ``Database/open(at:options:)``.
    ///
    /// - Parameter published: where snapshots are published; nil for a place of its own.
    init(
        at path: String, _ options: Database.Options, _ resources: StoreResources, _ readers: Reads,
        publishingTo published: PublishedSnapshot? = nil
    ) throws(StoreError) {
        let opened = try Opening(path: path, options: options, resources: resources).run()
        storage = opened.storage
        pipeline = CommitPipeline(
            storage: opened.storage, tree: opened.tree, durability: options.durability,
            observer: options.commitObserver, publishingTo: published)
        if let damage = opened.damage { pipeline.refuseWrites(damage) }
        selfCheck = options.selfCheck.map { [storage, pipeline] in
            SelfCheck(storage: storage, options: $0) { pipeline.snapshot }
        }
        closing = Closing(
            storage: storage, pipeline: pipeline, readers: readers, selfCheck: selfCheck,
            lock: opened.lock, resources: resources)
        do throws(StoreError) {
            try pipeline.start()
            try selfCheck?.start()
        } catch {
            // Unlocks the folder before the error is thrown.
            try? closing.run()
            throw error
        }
    }
}
