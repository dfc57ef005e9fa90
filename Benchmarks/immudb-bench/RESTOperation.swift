import Foundation
import ImmudbClient
import ImmudbProtocol
import NIOHTTP1
import RPCTransport
import SwiftProtobuf
import TestTools

/// A request of REST whose cost is measured, and the call of gRPC that is behind it.
struct RESTOperation: Sendable {
    let name: String
    /// Request number n.
    let request: @Sendable (UInt64) -> HTTPLoad.Request
    /// The remote procedure, and the message of call number n.
    let procedure: String
    let message: @Sendable (UInt64) -> [UInt8]
    /// Makes call number n as an application without a gateway does.
    let call: @Sendable (BareClients, UInt64) async throws -> Void
    /// What verification itself takes of a call, in microseconds; nil: nothing is verified.
    var verification: (@Sendable (BareClients) async throws -> Double)? = nil

    /// Entries of the database before anything is written.
    static let entryCount: UInt64 = 100_000

    // What reads comes first: the tree then is the one that `entryCount` names.
    static let all = [get, safeGet, set, safeSet]

    private static let get = RESTOperation(
        name: "GET /item/{key}",
        request: { .init(method: .GET, path: "\(base)/item/\(urlBase64(keyToRead($0)))") },
        procedure: ImmuService.get, message: { getRequest(SplitMix64.one($0) % 1_000) },
        call: { clients, number in
            let _: RPCResponse<Immudb_Schema_Item> = try await clients.transport.unary(
                ImmuService.get, Immudb_Schema_Key.with { $0.key = Data(keyToRead(number)) })
        })

    private static let safeGet = RESTOperation(
        name: "POST /item/safe/get",
        request: {
            .init(
                method: .POST, path: "\(base)/item/safe/get",
                body: "{\"key\":\"\(base64(keyToRead($0)))\"}")
        },
        procedure: ImmuService.safeGet,
        message: { number in
            bytes(
                Immudb_Schema_SafeGetOptions.with {
                    $0.key = Data(keyToRead(number))
                    $0.rootIndex.index = entryCount - 1
                })
        },
        call: { clients, number in _ = try await clients.verifying.verifiedGet(keyToRead(number)) },
        verification: { try await VerificationCost.read($0, keyToRead(1)) })

    private static let set = RESTOperation(
        name: "POST /item",
        request: { .init(method: .POST, path: "\(base)/item", body: pair(keyToWrite($0))) },
        procedure: ImmuService.set, message: { bytes(keyValue($0)) },
        call: { clients, number in
            let _: RPCResponse<Immudb_Schema_Index> = try await clients.transport.unary(
                ImmuService.set, keyValue(number))
        })

    private static let safeSet = RESTOperation(
        name: "POST /item/safe",
        request: {
            .init(
                method: .POST, path: "\(base)/item/safe", body: "{\"kv\":\(pair(keyToWrite($0)))}")
        },
        procedure: ImmuService.safeSet,
        message: { number in
            bytes(
                Immudb_Schema_SafeSetOptions.with {
                    $0.kv = keyValue(number)
                    $0.rootIndex.index = entryCount - 1
                })
        },
        call: { clients, number in
            try await clients.verifying.verifiedSet(keyToWrite(number), value100)
        },
        verification: { try await VerificationCost.write($0, keyToWrite(1 << 53), value100) })

    private static let base = "/v1/immurestproxy"

    private static func keyToRead(_ number: UInt64) -> [UInt8] {
        randomKey(SplitMix64.one(number) % 1_000)
    }

    private static func keyToWrite(_ number: UInt64) -> [UInt8] { randomKey(number | 1 << 50) }

    private static func keyValue(_ number: UInt64) -> Immudb_Schema_KeyValue {
        .with {
            $0.key = Data(keyToWrite(number))
            $0.value = Data(value100)
        }
    }

    private static func pair(_ key: [UInt8]) -> String {
        "{\"key\":\"\(base64(key))\",\"value\":\"\(base64(value100))\"}"
    }

    private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    private static func urlBase64(_ bytes: [UInt8]) -> String {
        base64(bytes).replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
    }
}

/// The clients that an application without a gateway has; the verifying one is configured as the gateway's.
struct BareClients: Sendable {
    let transport: RPCClient
    let verifying: ImmudbClient

    /// - Parameter folder: of the trusted roots and the evidence.
    init(port: Int, folder: String) async throws {
        var configuration = RPCClient.Configuration(host: "127.0.0.1", port: port)
        configuration.waitForReady = true  // the server may still be starting
        transport = RPCClient(configuration)
        var options = ImmudbClient.Configuration(port: port)
        options.waitsForServer = true
        options.evidenceDirectory = "\(folder)/evidence"
        verifying = try await ImmudbClient.connect(
            options, trustedRoots: FileTrustedRootStore(directory: folder),
            firstContact: .trustOnFirstUse)
    }

    func close() async {
        await transport.shutdown()
        await verifying.close()
    }
}
