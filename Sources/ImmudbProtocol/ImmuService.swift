// The wire of immudb 0.6. `Protos` has its definition, `Generated` the Swift code that
// Scripts/generate-protocol.sh makes from it. The files beside this one have the parts of the wire
// that a .proto file cannot express.

/// The service `immudb.schema.ImmuService`: the path of each method, and a table of all methods.
public enum ImmuService {
    /// The full name of the service.
    public static let name = "immudb.schema.ImmuService"

    /// One remote procedure of the service.
    public struct Method: Hashable, Sendable {
        /// The name without the service, such as `SafeSet`.
        public let name: String
        /// The HTTP/2 path, such as `/immudb.schema.ImmuService/SafeSet`.
        public let path: String
        /// Whether a call appends entries, of data or of users. Two calls append them twice.
        public let appends: Bool
        /// The credentials that a call needs.
        public let permission: Permission
        public let answer: Answer
        public var streamsAnswers: Bool { answer == .entryStream }

        init(
            _ path: String, _ permission: Permission, appends: Bool = false,
            _ answer: Answer = .plain
        ) {
            self.name = String(path.dropFirst(ImmuService.name.utf8.count + 2))
            self.path = path
            self.permission = permission
            self.appends = appends
            self.answer = answer
        }
    }

    /// The lists of an answer, which a client limits.
    public enum Answer: Sendable {
        /// No list.
        case plain
        /// Entries in field 1.
        case entries
        /// A stream of messages with entries in field 1. No method has a stream of requests.
        case entryStream
        /// Digests in field 5.
        case path
        /// Digests of two paths, in fields 5 and 6.
        case proof
        /// Digests of two paths, in fields 5 and 6 of the message in field 2.
        case provenEntry
    }

    public static let createUser = "/immudb.schema.ImmuService/CreateUser"
    public static let changePassword = "/immudb.schema.ImmuService/ChangePassword"
    public static let deleteUser = "/immudb.schema.ImmuService/DeleteUser"
    public static let login = "/immudb.schema.ImmuService/Login"
    public static let set = "/immudb.schema.ImmuService/Set"
    public static let setSV = "/immudb.schema.ImmuService/SetSV"
    public static let safeSet = "/immudb.schema.ImmuService/SafeSet"
    public static let safeSetSV = "/immudb.schema.ImmuService/SafeSetSV"
    public static let get = "/immudb.schema.ImmuService/Get"
    public static let getSV = "/immudb.schema.ImmuService/GetSV"
    public static let safeGet = "/immudb.schema.ImmuService/SafeGet"
    public static let safeGetSV = "/immudb.schema.ImmuService/SafeGetSV"
    public static let setBatch = "/immudb.schema.ImmuService/SetBatch"
    public static let setBatchSV = "/immudb.schema.ImmuService/SetBatchSV"
    public static let getBatch = "/immudb.schema.ImmuService/GetBatch"
    public static let getBatchSV = "/immudb.schema.ImmuService/GetBatchSV"
    public static let scan = "/immudb.schema.ImmuService/Scan"
    public static let scanSV = "/immudb.schema.ImmuService/ScanSV"
    public static let count = "/immudb.schema.ImmuService/Count"
    public static let currentRoot = "/immudb.schema.ImmuService/CurrentRoot"
    public static let inclusion = "/immudb.schema.ImmuService/Inclusion"
    public static let consistency = "/immudb.schema.ImmuService/Consistency"
    public static let byIndex = "/immudb.schema.ImmuService/ByIndex"
    public static let byIndexSV = "/immudb.schema.ImmuService/ByIndexSV"
    public static let history = "/immudb.schema.ImmuService/History"
    public static let historySV = "/immudb.schema.ImmuService/HistorySV"
    public static let health = "/immudb.schema.ImmuService/Health"
    public static let reference = "/immudb.schema.ImmuService/Reference"
    public static let safeReference = "/immudb.schema.ImmuService/SafeReference"
    public static let zAdd = "/immudb.schema.ImmuService/ZAdd"
    public static let zScan = "/immudb.schema.ImmuService/ZScan"
    public static let zScanSV = "/immudb.schema.ImmuService/ZScanSV"
    public static let safeZAdd = "/immudb.schema.ImmuService/SafeZAdd"
    public static let iScan = "/immudb.schema.ImmuService/IScan"
    public static let iScanSV = "/immudb.schema.ImmuService/IScanSV"
    public static let dump = "/immudb.schema.ImmuService/Dump"

    /// All 36 methods, in the order of schema.proto.
    public static let methods: [Method] = [
        Method(createUser, .administration, appends: true),
        Method(changePassword, .administration, appends: true),
        Method(deleteUser, .administration, appends: true), Method(login, .login),
        Method(set, .data, appends: true), Method(setSV, .data, appends: true),
        Method(safeSet, .data, appends: true, .proof),
        Method(safeSetSV, .data, appends: true, .proof),
        Method(get, .data), Method(getSV, .data),
        Method(safeGet, .data, .provenEntry), Method(safeGetSV, .data, .provenEntry),
        Method(setBatch, .data, appends: true), Method(setBatchSV, .data, appends: true),
        Method(getBatch, .data, .entries), Method(getBatchSV, .data, .entries),
        Method(scan, .data, .entries), Method(scanSV, .data, .entries), Method(count, .data),
        Method(currentRoot, .open), Method(inclusion, .data, .path),
        Method(consistency, .data, .path),
        Method(byIndex, .data), Method(byIndexSV, .data),
        Method(history, .data, .entries), Method(historySV, .data, .entries),
        Method(health, .open),
        Method(reference, .data, appends: true),
        Method(safeReference, .data, appends: true, .proof),
        Method(zAdd, .data, appends: true), Method(zScan, .data, .entries),
        Method(zScanSV, .data, .entries),
        Method(safeZAdd, .data, appends: true, .proof),
        Method(iScan, .data, .entries), Method(iScanSV, .data, .entries),
        Method(dump, .data, .entryStream),
    ]

    /// The paths of methods of later releases of the original, which clients of those releases call
    /// first.
    public static let laterMethods = [
        "/immudb.schema.ImmuService/OpenSession", "/immudb.schema.ImmuService/ServerInfo",
        "/immudb.schema.ImmuService/UseDatabase",
    ]

    /// The paths of the methods that append entries.
    public static let writes = Set(methods.filter(\.appends).map(\.path))
}

/// The credentials that a method needs. A method without a permission does not compile.
public enum Permission: Sendable {
    /// No token: the call itself checks a password.
    case login
    /// No credentials.
    case open
    /// A user's token, if the server has users.
    case data
    /// An administrator's token, in a call from the server's own machine.
    case administration
}

/// The service `immudb.admin.v1.AdminService`, which immudb 0.6 does not have.
public enum AdminService {
    public static let auditLog = "/immudb.admin.v1.AdminService/AuditLog"
    public static let backup = "/immudb.admin.v1.AdminService/Backup"

    public static let restore = "/immudb.admin.v1.AdminService/Restore"
    public static let restorePart = "/immudb.admin.v1.AdminService/RestorePart"

    /// All methods.
    public static let methods = [auditLog, backup, restore, restorePart]
}

/// The permissions of all methods of a server. This is the only table of them.
public enum MethodPermissions {
    /// The permission of each method's path.
    public static let all: [String: Permission] = {
        var all = Dictionary(
            uniqueKeysWithValues: ImmuService.methods.map { ($0.path, $0.permission) })
        for path in AdminService.methods { all[path] = .administration }
        // These answers are the same for everybody.
        let open =
            ImmuService.laterMethods + [HealthService.check, HealthService.watch]
            + [ReflectionService.info, ReflectionService.olderInfo]
        for path in open { all[path] = .open }
        return all
    }()
}

/// The methods of the standard health service of gRPC, `grpc.health.v1.Health`.
public enum HealthService {
    public static let check = "/grpc.health.v1.Health/Check"
    public static let watch = "/grpc.health.v1.Health/Watch"
}

/// The method of the standard reflection service of gRPC, `grpc.reflection.v1.ServerReflection`.
public enum ReflectionService {
    public static let info = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    /// The path of the same method with the same messages, as tools from before 2023 call it.
    public static let olderInfo = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
}

/// The names of metadata that this service uses.
public enum ImmuMetadata {
    /// Answer header, also of errors: the server's identity, 20 characters.
    public static let serverIdentity = "immudb-uuid"
    /// Request header: `Bearer <token>`.
    public static let authorization = "authorization"
    /// Request header of History and HistorySV: an index, before which the versions must lie.
    /// Servers of 0.6 ignore it.
    public static let beforeIndex = "immudb-before-index"
    /// Answer trailer of History and HistorySV: `1` if older versions did not fit into the answer.
    public static let hasMore = "immudb-more"
    /// Answer trailer of Health: the reason why no writes are taken. Servers of 0.6 do not send it.
    public static let writeProblem = "immudb-write-problem"
    /// Answer trailer of Health: the reason why nothing can be read. Servers of 0.6 do not send it.
    public static let readProblem = "immudb-read-problem"
    /// Request header: the value `immuadmin` marks the administration tool.
    public static let clientIdentity = "client_id"
    /// Request header: the addresses of the callers for whom a gateway makes the call. Such a call is not one of the
    /// gateway's machine.
    public static let forwardedFor = "x-forwarded-for"
    /// The value of ``clientIdentity`` that does.
    public static let administrationClient = "immuadmin"
}
