public import SwiftProtobuf

/// A message whose size in memory can be computed from its bytes, before it is decoded.
public protocol MeasuredRequest: Message {
    /// Returns the kind of content that the field with a number has by the definition.
    static func content(ofField number: UInt64) -> FieldContent
}

/// The kind of content that a field of a message has.
public enum FieldContent {
    /// The message has no such field. Decoding keeps its bytes as unknown.
    case unknown
    case number(WireType)
    case bytes
    case message(any MeasuredRequest.Type)
    /// Any number of messages.
    case elements(any MeasuredRequest.Type)
}

extension MeasuredRequest {
    /// The size of the decoded message itself, without the content that its fields keep elsewhere.
    static var inlineByteCount: Int { MemoryLayout<Self>.stride }
}

// MARK: the requests of ImmuService

extension Google_Protobuf_Empty: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent { .unknown }
}

extension Grpc_Health_V1_HealthCheckRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .bytes : .unknown
    }
}

extension Immudb_Schema_LoginRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 || number == 2 ? .bytes : .unknown
    }
}

extension Immudb_Schema_CreateUserRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 || number == 2 ? .bytes : .unknown
    }
}

extension Immudb_Schema_ChangePasswordRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        (1...3).contains(number) ? .bytes : .unknown
    }
}

extension Immudb_Schema_DeleteUserRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .bytes : .unknown
    }
}

extension Immudb_Admin_V1_AuditLogRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1, 2, 5, 6: .number(.varint)
        case 3, 4: .bytes
        default: .unknown
        }
    }
}

extension Immudb_Admin_V1_BackupRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1, 3: .number(.varint)
        case 2, 4: .bytes
        default: .unknown
        }
    }
}

extension Immudb_Admin_V1_RestoreRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 2, 4, 5: .number(.varint)
        case 1, 3: .bytes
        default: .unknown
        }
    }
}

extension Immudb_Admin_V1_RestorePartRequest: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 2, 5, 6: .number(.varint)
        case 1, 3, 4: .bytes
        default: .unknown
        }
    }
}

extension Immudb_Schema_Key: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .bytes : .unknown
    }
}

extension Immudb_Schema_KeyPrefix: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .bytes : .unknown
    }
}

extension Immudb_Schema_Index: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .number(.varint) : .unknown
    }
}

extension Immudb_Schema_KeyValue: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 || number == 2 ? .bytes : .unknown
    }
}

extension Immudb_Schema_Content: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1: .number(.varint)
        case 2: .bytes
        default: .unknown
        }
    }
}

extension Immudb_Schema_StructuredKeyValue: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1: .bytes
        case 2: .message(Immudb_Schema_Content.self)
        default: .unknown
        }
    }
}

extension Immudb_Schema_KVList: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .elements(Immudb_Schema_KeyValue.self) : .unknown
    }
}

extension Immudb_Schema_SKVList: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .elements(Immudb_Schema_StructuredKeyValue.self) : .unknown
    }
}

extension Immudb_Schema_KeyList: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 ? .elements(Immudb_Schema_Key.self) : .unknown
    }
}

extension Immudb_Schema_ReferenceOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 || number == 2 ? .bytes : .unknown
    }
}

extension Immudb_Schema_ZAddOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1, 3: .bytes
        case 2: .number(.fixed64)
        default: .unknown
        }
    }
}

extension Immudb_Schema_SafeGetOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1: .bytes
        case 2: .message(Immudb_Schema_Index.self)
        default: .unknown
        }
    }
}

extension Immudb_Schema_SafeSetOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1: .message(Immudb_Schema_KeyValue.self)
        case 2: .message(Immudb_Schema_Index.self)
        default: .unknown
        }
    }
}

extension Immudb_Schema_SafeSetSVOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1: .message(Immudb_Schema_StructuredKeyValue.self)
        case 2: .message(Immudb_Schema_Index.self)
        default: .unknown
        }
    }
}

extension Immudb_Schema_SafeReferenceOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1: .message(Immudb_Schema_ReferenceOptions.self)
        case 2: .message(Immudb_Schema_Index.self)
        default: .unknown
        }
    }
}

extension Immudb_Schema_SafeZAddOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1: .message(Immudb_Schema_ZAddOptions.self)
        case 2: .message(Immudb_Schema_Index.self)
        default: .unknown
        }
    }
}

extension Immudb_Schema_ScanOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1, 2: .bytes
        case 3, 4, 5: .number(.varint)
        default: .unknown
        }
    }
}

extension Immudb_Schema_ZScanOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        switch number {
        case 1, 2: .bytes
        case 3, 4: .number(.varint)
        default: .unknown
        }
    }
}

extension Immudb_Schema_IScanOptions: MeasuredRequest {
    public static func content(ofField number: UInt64) -> FieldContent {
        number == 1 || number == 2 ? .number(.varint) : .unknown
    }
}
