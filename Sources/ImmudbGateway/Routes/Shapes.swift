import ImmudbProtocol
import SwiftProtobuf

/// The JSON shapes of request messages, with the names of the original's Swagger documents.
enum Shapes {
    static let login = MessageShape<Immudb_Schema_LoginRequest>(
        "schemaLoginRequest", [.bytes("user", \.user), .bytes("password", \.password)])

    static let key = MessageShape<Immudb_Schema_Key>("schemaKey", [.bytes("key", \.key)])

    static let keyValue = MessageShape<Immudb_Schema_KeyValue>(
        "schemaKeyValue", [.bytes("key", \.key), .bytes("value", \.value)])

    static let keyValues = MessageShape<Immudb_Schema_KVList>(
        "schemaKVList", [.list("KVs", \.kvs, keyValue)])

    static let keys = MessageShape<Immudb_Schema_KeyList>(
        "schemaKeyList", [.list("keys", \.keys, key)])

    static let index = MessageShape<Immudb_Schema_Index>("schemaIndex", [.uint64("index", \.index)])

    private static let rootIndexNote =
        "accepted and not used: the gateway has a trusted root of its own"

    static let safeSet = MessageShape<Immudb_Schema_SafeSetOptions>(
        "schemaSafeSetOptions",
        [
            .message("kv", \.kv, keyValue, required: true),
            .message("rootIndex", \.rootIndex, index, rootIndexNote),
        ])

    static let safeGet = MessageShape<Immudb_Schema_SafeGetOptions>(
        "schemaSafeGetOptions",
        [.bytes("key", \.key), .message("rootIndex", \.rootIndex, index, rootIndexNote)])

    static let scan = MessageShape<Immudb_Schema_ScanOptions>(
        "schemaScanOptions",
        [
            .bytes("prefix", \.prefix), .bytes("offset", \.offset, "begin after this key"),
            .uint64("limit", \.limit), .bool("reverse", \.reverse),
            .bool("deep", \.deep, "show references as the entries that they point to"),
        ])

    static let reference = MessageShape<Immudb_Schema_ReferenceOptions>(
        "schemaReferenceOptions", [.bytes("reference", \.reference), .bytes("key", \.key)])

    static let safeReference = MessageShape<Immudb_Schema_SafeReferenceOptions>(
        "schemaSafeReferenceOptions",
        [
            .message("ro", \.ro, reference, required: true),
            .message("rootIndex", \.rootIndex, index, rootIndexNote),
        ])

    static let zAdd = MessageShape<Immudb_Schema_ZAddOptions>(
        "schemaZAddOptions",
        [.bytes("set", \.set), .double("score", \.score), .bytes("key", \.key)])

    static let safeZAdd = MessageShape<Immudb_Schema_SafeZAddOptions>(
        "schemaSafeZAddOptions",
        [
            .message("zopts", \.zopts, zAdd, required: true),
            .message("rootIndex", \.rootIndex, index, rootIndexNote),
        ])

    static let zScan = MessageShape<Immudb_Schema_ZScanOptions>(
        "schemaZScanOptions",
        [
            .bytes("set", \.set), .bytes("offset", \.offset, "begin after this entry of the set"),
            .uint64("limit", \.limit), .bool("reverse", \.reverse),
        ])

    static let iScan = MessageShape<Immudb_Schema_IScanOptions>(
        "schemaIScanOptions",
        [.uint64("pageSize", \.pageSize), .uint64("pageNumber", \.pageNumber)])

    static let empty = MessageShape<Google_Protobuf_Empty>("protobufEmpty", [])
}

/// The schemas of answers. Standard handlers leave out zero and empty fields.
enum AnswerSchemas {
    typealias Field = SchemaDescription.Field

    private static func schema(_ name: String, _ fields: [(String, FieldType)]) -> SchemaDescription
    {
        SchemaDescription(
            name: name,
            fields: fields.map { Field(name: $0, type: $1, isRequired: false, summary: "") })
    }

    private static func complete(_ name: String, _ fields: [(String, FieldType)])
        -> SchemaDescription
    {
        SchemaDescription(
            name: name,
            fields: fields.map { Field(name: $0, type: $1, isRequired: true, summary: "") })
    }

    private static let number = FieldType.uint64(asString: false)
    private static let text = FieldType.uint64(asString: true)

    static let token = schema("schemaLoginResponse", [("token", .bytes)])
    static let index = schema("schemaIndex", [("index", text)])
    static let item = schema("schemaItem", [("key", .bytes), ("value", .bytes), ("index", text)])
    static let items = schema("schemaItemList", [("items", .list(.message(item)))])
    static let page = schema("schemaPage", [("items", .list(.message(item))), ("more", .bool)])
    static let count = schema("schemaItemsCount", [("count", text)])
    static let signature = schema(
        "schemaSignature", [("signature", .bytes), ("publicKey", .bytes)])
    static let root = schema(
        "schemaRoot", [("index", text), ("root", .bytes), ("signature", .message(signature))])
    static let health = schema("schemaHealthResponse", [("status", .bool)])
    static let inclusion = schema(
        "schemaInclusionProof",
        [
            ("at", text), ("index", text), ("root", .bytes), ("leaf", .bytes),
            ("path", .list(.bytes)),
        ])
    static let consistency = schema(
        "schemaConsistencyProof",
        [
            ("first", text), ("second", text), ("firstRoot", .bytes), ("secondRoot", .bytes),
            ("path", .list(.bytes)),
        ])
    static let pair = schema(
        "pbKV",
        [
            ("key", .bytes), ("value", .bytes), ("user_meta", .bytes), ("version", text),
            ("expires_at", text), ("meta", .bytes), ("stream_id", .uint32), ("stream_done", .bool),
        ])
    static let pairs = schema("pbKVList", [("kv", .list(.message(pair)))])

    // The answers of the gateway's own handlers.

    static let plainIndex = schema("gatewayIndex", [("index", number)])
    static let written = complete("gatewayVerifiedIndex", [("index", number), ("verified", .bool)])
    /// An empty value is written as null.
    static let verifiedItem = SchemaDescription(
        name: "gatewayVerifiedItem",
        fields: [
            Field(name: "key", type: .bytes, isRequired: true, summary: ""),
            Field(
                name: "value", type: .nullable(.bytes), isRequired: true,
                summary: "the payload; null for an empty one"),
            Field(name: "index", type: number, isRequired: true, summary: ""),
            Field(
                name: "time", type: number, isRequired: true,
                summary: "Unix seconds; 0 for a raw value"),
            Field(name: "verified", type: .bool, isRequired: true, summary: ""),
        ])
    static let content = schema("gatewayContent", [("timestamp", number), ("payload", .bytes)])
    static let structuredItem = complete(
        "gatewayStructuredItem",
        [("index", number), ("key", .bytes), ("value", .message(content))])
    static let history = schema("gatewayHistory", [("items", .list(.message(structuredItem)))])
}
