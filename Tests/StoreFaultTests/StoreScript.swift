import ImmudbStore
import SimulatedDisk
import StorageIO

/// A fixed sequence of writes, reopenings and lost views.
enum StoreScript {
    enum Step: Sendable {
        case append([EntryMaker.Shape])
        case reopen
        case loseViews([String])
    }

    /// Four segments of 4 KiB; frames of several batches; views that are rebuilt one at a time and
    /// together.
    static let steps: [Step] = [
        .append([.values([1])]), .append([.mixed]), .append([.values([40, 0, 300])]),
        .append([.values([700]), .mixed, .values([5])]), .reopen,
        .append([.values([1500])]), .append([.values([1200]), .values([2])]),
        .loseViews(["index"]), .append([.mixed]), .append([.values([6000])]),
        .loseViews(["tree"]), .append([.values([3000]), .mixed]),
        .loseViews(["index", "tree/places"]), .append([.values([20])]), .append([.mixed]),
    ]

    /// Runs the steps until the disk stops.
    static func run(_ session: StoreSession) throws {
        do {
            try session.open()
            for step in steps {
                switch step {
                case .append(let shapes): try session.append(shapes)
                case .reopen: try session.reopen()
                case .loseViews(let names):
                    try session.remove(names)
                    try session.open()
                }
                if session.disk.isStopped { return }
            }
            session.close()
        } catch let error as StoreError {
            guard session.disk.isStopped else { throw error }
        }
    }

    /// The events of a course with errors.
    struct Course {
        var mostWriteTries = 0
        var mostOpeningTries = 0
        var isUnfinished = false
    }

    /// Runs all steps as a patient user does: repeats refused ones, and reopens a database that
    /// takes no more writes.
    static func runThroughErrors(_ session: StoreSession, tries: Int) throws -> Course {
        var course = Course()
        try open(session, tries, &course)
        for step in steps {
            switch step {
            case .append(let shapes): try append(shapes, session, tries, &course)
            case .reopen:
                session.close()
                try open(session, tries, &course)
            case .loseViews(let names):
                do { try session.remove(names) } catch is StoreError {}
                try open(session, tries, &course)
            }
            try session.look()
        }
        session.close()
        return course
    }

    private static func append(
        _ shapes: [EntryMaker.Shape], _ session: StoreSession, _ tries: Int, _ course: inout Course
    ) throws {
        for shape in shapes {
            var count = 1
            while try !session.append(shape) {
                guard count < tries else {
                    course.isUnfinished = true
                    break
                }
                count += 1
                if session.database?.health.isWritable != true {
                    session.close()
                    try open(session, tries, &course)
                }
            }
            course.mostWriteTries = max(course.mostWriteTries, count)
        }
    }

    private static func open(
        _ session: StoreSession, _ tries: Int, _ course: inout Course
    ) throws {
        for count in 1...tries {
            do {
                try session.open(losing: session.lossAtReopening)
                course.mostOpeningTries = max(course.mostOpeningTries, count)
                return
            } catch is StoreError {}
        }
        course.isUnfinished = true
    }

    /// Opens the database after a crash and checks it. On request, continues: writes, loses the
    /// power and checks again.
    static func check(
        _ image: SimulatedDisk, after session: StoreSession, losing loss: StoreModel.Loss = .none,
        goesOn: Bool
    ) throws {
        let next = session.next(on: image)
        do {
            try next.open(losing: loss)
            guard goesOn else { return }
            guard try next.append([.mixed, .values([50, 60])]).allSatisfy({ $0 }) else {
                throw BrokenPromise("a recovered database takes no writes")
            }
            next.close()
            next.crash(.losingUnsynchronized)
            // A clean close makes everything durable.
            try next.open()
        } catch {
            throw BrokenPromise("\(error)\n\(next.context)")
        }
    }
}
