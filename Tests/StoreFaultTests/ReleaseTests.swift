import OwnThread
import SimulatedDisk
import Testing

@Suite(.ownThread)
struct ReleaseTests {
    /// The way in which a database ends.
    enum End: CaseIterable {
        case close, closeAfterWrites, closeAfterSegments, powerFailure, kill, diskFailure
    }

    @Test("leaves nothing of a closed database in memory", arguments: End.allCases)
    func leavesNothing(end: End) throws {
        weak var disk: SimulatedDisk?
        func run() throws {
            let own = SimulatedDisk(seed: 1)
            disk = own
            let session = StoreSession(own)
            try session.open()
            if end != .close {
                for _ in 0..<5 { try session.append(.mixed) }
            }
            if end == .closeAfterSegments {
                for _ in 0..<20 { try session.append(.values([5_000, 5_000])) }
            }
            switch end {
            case .close, .closeAfterWrites, .closeAfterSegments: session.close()
            case .powerFailure: session.crash(.losingUnsynchronized)
            case .kill: session.crash(nil)
            case .diskFailure:
                own.stop()
                try session.append(.mixed)
                session.abandon()
            }
        }
        try run()
        // Threads release it a moment later.
        for _ in 0..<100 where disk != nil { pause(milliseconds: 20) }
        #expect(disk == nil)
    }

    @Test("leaves nothing of a failed opening in memory, whatever call failed")
    func failedOpening() throws {
        for isNew in [true, false] {
            let template = StoreSession(SimulatedDisk(seed: 1))
            if !isNew {
                try template.open()
                for _ in 0..<5 { try template.append(.mixed) }
                template.crash(.losingUnsynchronized)
            }
            for number in 1...200 {
                weak var disk: SimulatedDisk?
                var hasOpened = false
                func run() {
                    let own = template.disk.killed()
                    disk = own
                    own.fail(.call(own.callCount + number), error: 5)
                    let session = template.next(on: own)
                    hasOpened = (try? session.open()) != nil
                    session.close()
                }
                run()
                for _ in 0..<100 where disk != nil { pause(milliseconds: 20) }
                #expect(disk == nil, "call \(number), new: \(isNew), opened: \(hasOpened)")
            }
        }
    }
}
