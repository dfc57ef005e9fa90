import ClientKit
import Foundation
import ServerStatistics

/// A server's numbers at one moment.
struct StatisticsReport: Report {
    let statistics: ServerStatistics
    let time: Date

    func text(_ display: Display) -> [UInt8] {
        Array(statistics.text(now: time.timeIntervalSince1970).utf8)
    }

    /// What the server does not tell is left out.
    var json: JSONObject {
        var json: JSONObject = [
            "database": .text(statistics.databasePath),
            "uptimeSeconds": .decimal(statistics.uptimeHours * 3_600),
            "entries": .number(statistics.entryCount),
            "clients": .object(clients), "methods": .object(methods),
            "failedCalls": Self.object(statistics.failedCalls),
            "failedWrites": Self.object(statistics.failedAppends),
            "waitingCalls": Self.object(statistics.waitingCalls), "disk": .object(disk),
            "memory": .object(memory), "process": .object(process),
        ]
        json["takesWrites"] = statistics.takesWrites.map(JSONValue.truth)
        json["answersReads"] = statistics.answersReads.map(JSONValue.truth)
        json["connections"] = statistics.connectionCount.map(JSONValue.number)
        json["waitingWrites"] = statistics.waitingWriteCount.map(JSONValue.number)
        json["waitingWriteBytes"] = statistics.waitingWriteByteCount.map(JSONValue.number)
        if let groups = statistics.groups {
            json["commits"] = .object([
                "count": .number(groups.count), "entries": .decimal(groups.sum),
            ])
        }
        if let synchronizations = statistics.synchronizations {
            json["fdatasync"] = .object([
                "count": .number(synchronizations.count), "seconds": .decimal(synchronizations.sum),
            ])
        }
        return json
    }

    private var clients: JSONObject {
        JSONObject(
            statistics.clients.map { client in
                var json: JSONObject = ["calls": .number(client.callCount)]
                // A clock before 1970 has no such number.
                json["lastCall"] = client.lastCall.flatMap { UInt64(exactly: $0) }
                    .map(JSONValue.number)
                return (client.address, .object(json))
            }
        ) { first, _ in first }
    }

    private var methods: JSONObject {
        JSONObject(
            statistics.methods.map { method in
                var json: JSONObject = ["calls": .number(method.callCount)]
                json["averageMicroseconds"] = method.averageMicroseconds.map(JSONValue.decimal)
                return (method.name, .object(json))
            }
        ) { first, _ in first }
    }

    private var disk: JSONObject {
        JSONObject(
            statistics.storage.map { database in
                (
                    database.path,
                    .object([
                        "ledger": .number(database.ledgerByteCount),
                        "index": .number(database.indexByteCount),
                        "tree": .number(database.treeByteCount),
                    ])
                )
            }
        ) { first, _ in first }
    }

    private var memory: JSONObject {
        var json: JSONObject = ["parts": Self.object(statistics.memoryParts)]
        json["resident"] = statistics.process.residentByteCount.map(JSONValue.number)
        json["virtual"] = statistics.process.virtualByteCount.map(JSONValue.number)
        return json
    }

    private var process: JSONObject {
        var json: JSONObject = [:]
        json["processorSeconds"] = statistics.process.processorSeconds.map(JSONValue.decimal)
        json["openFiles"] = statistics.process.openDescriptorCount.map(JSONValue.number)
        json["maxOpenFiles"] = statistics.process.descriptorLimit.map(JSONValue.number)
        return json
    }

    private static func object(_ counts: [ServerStatistics.NamedCount]) -> JSONValue {
        .object(JSONObject(counts.map { ($0.name, .number($0.count)) }) { first, _ in first })
    }
}
