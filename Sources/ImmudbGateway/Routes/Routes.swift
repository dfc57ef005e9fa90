import Foundation
import HTTPTypes
import ImmudbProtocol
import SwiftProtobuf

/// The REST interface: the table of all routes, and the search for a request's route.
enum Routes {
    static let base = "/v1/immurestproxy"

    private static let key = Route.Parameter(name: "key", type: .bytes)
    private static let index = Route.Parameter(name: "index", type: .uint64(asString: false))
    private static let prefix = Route.Parameter(name: "prefix", type: .bytes)

    static let all: [Route] = [
        .set, .safeSet, .safeGet, .history, .safeReference, .safeZAdd,
        .standard(
            "login", ImmuService.login, Shapes.login, answering: AnswerSchemas.token,
            as: Immudb_Schema_LoginResponse.self,
            "A token for a user, to be sent with other requests as `Authorization: Bearer <token>`."
        ),
        .standard(
            "item", parameter: key, ImmuService.get, answering: AnswerSchemas.item,
            as: Immudb_Schema_Item.self, "The newest entry of a key, as it is stored."
        ) { request in
            let bytes = try request.bytes(key)
            return Immudb_Schema_Key.with { $0.key = Data(bytes) }
        },
        .standard(
            "batch/set", ImmuService.setBatch, Shapes.keyValues, answering: AnswerSchemas.index,
            as: Immudb_Schema_Index.self,
            "Stores entries as they are, without a time: all of them or none. Answers with the last index."
        ),
        .standard(
            "batch/get", ImmuService.getBatch, Shapes.keys, answering: AnswerSchemas.items,
            as: Immudb_Schema_ItemList.self,
            "The newest entries of keys; keys without an entry are left out."),
        .standard(
            "item/scan", ImmuService.scan, Shapes.scan, answering: AnswerSchemas.items,
            as: Immudb_Schema_ItemList.self,
            "The newest entries of keys with a prefix, in the order of keys."
        ),
        .standard(
            "item/count", parameter: prefix, ImmuService.count, answering: AnswerSchemas.count,
            as: Immudb_Schema_ItemsCount.self, "How many keys have a prefix."
        ) { request in
            let bytes = try request.bytes(prefix)
            return Immudb_Schema_KeyPrefix.with { $0.prefix = Data(bytes) }
        },
        .standard(
            "root", ImmuService.currentRoot, answering: AnswerSchemas.root,
            as: Immudb_Schema_Root.self, "The root of the tree, and its last index."
        ) { _ in Google_Protobuf_Empty() },
        .standard(
            "inclusionproof", parameter: index, ImmuService.inclusion,
            answering: AnswerSchemas.inclusion, as: Immudb_Schema_InclusionProof.self,
            "The proof that an entry is in the tree."
        ) { request in
            let number = try request.number(index)
            return Immudb_Schema_Index.with { $0.index = number }
        },
        .standard(
            "consistencyproof", parameter: index, ImmuService.consistency,
            answering: AnswerSchemas.consistency, as: Immudb_Schema_ConsistencyProof.self,
            "The proof that the tree begins with the one that ends with an index."
        ) { request in
            let number = try request.number(index)
            return Immudb_Schema_Index.with { $0.index = number }
        },
        .standard(
            "item/index", parameter: index, ImmuService.byIndex, answering: AnswerSchemas.item,
            as: Immudb_Schema_Item.self, "The entry at an index, as it is stored."
        ) { request in
            let number = try request.number(index)
            return Immudb_Schema_Index.with { $0.index = number }
        },
        .standard(
            "healthresponse", ImmuService.health, answering: AnswerSchemas.health,
            as: Immudb_Schema_HealthResponse.self, "Whether immudb takes reads and writes."
        ) { _ in Google_Protobuf_Empty() },
        .standard(
            "reference", ImmuService.reference, Shapes.reference, answering: AnswerSchemas.index,
            as: Immudb_Schema_Index.self, "Gives a key a second name."),
        .standard(
            "zadd", ImmuService.zAdd, Shapes.zAdd, answering: AnswerSchemas.index,
            as: Immudb_Schema_Index.self, "Adds a key to a sorted set."),
        .standard(
            "zscan", ImmuService.zScan, Shapes.zScan, answering: AnswerSchemas.items,
            as: Immudb_Schema_ItemList.self,
            "The newest entries of a sorted set's members, in the order of scores."),
        .standard(
            "iscan", ImmuService.iScan, Shapes.iScan, answering: AnswerSchemas.page,
            as: Immudb_Schema_Page.self,
            "A page of entries, in insertion order; pages count from 1."),
        .dump,
    ]

    /// The result of a search by method and path.
    enum Match {
        case route(Int, parameter: String?)
        /// The path only has routes for other methods.
        case wrongMethod(allowed: String)
        case unknown
    }

    private struct Address: Hashable {
        let method: String
        let path: Substring
    }

    /// Positions in `all` of the routes without and with a parameter.
    private static let plain = positions { $0.parameter == nil }
    private static let parametrized = positions { $0.parameter != nil }

    private static func positions(where isIncluded: (Route) -> Bool) -> [Address: Int] {
        Dictionary(
            uniqueKeysWithValues: all.enumerated().filter { isIncluded($0.element) }.map {
                (
                    Address(method: $0.element.method.rawValue, path: Substring($0.element.path)),
                    $0.offset
                )
            })
    }

    /// Finds the route of a decoded path below ``base``. Only the last segment may be empty, as an empty parameter. A
    /// colon in it begins a verb, which no route has.
    static func match(_ method: String, _ path: Substring, mayFallBackToGet: Bool = false) -> Match
    {
        if let found = find(method, path) { return found }
        if mayFallBackToGet, let found = find("GET", path) { return found }
        let allowed = ["GET", "POST"].filter { find($0, path) != nil }
        if !allowed.isEmpty { return .wrongMethod(allowed: allowed.joined(separator: ", ")) }
        return .unknown
    }

    private static func find(_ method: String, _ path: Substring) -> Match? {
        if let position = plain[Address(method: method, path: path)] {
            return .route(position, parameter: nil)
        }
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let parameter = path[path.utf8.index(after: slash)...]
        guard !parameter.utf8.contains(UInt8(ascii: ":")),
            let position = parametrized[Address(method: method, path: path[..<slash])]
        else { return nil }
        return .route(position, parameter: String(parameter))
    }
}
