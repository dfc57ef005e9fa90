import Foundation
import HTTPTypes
import ImmudbClient
import ImmudbProtocol
import ImmudbVerification
import RPCTransport
import SwiftProtobuf

// The gateway's own handlers: they store values with the gateway's time, and verify immudb's answers.

extension Route {
    static let set = Route(
        .post, "item", ImmuService.set, body: Shapes.keyValue.schema,
        answer: .message(AnswerSchemas.plainIndex),
        "Sets a key to a value, with the time of the gateway."
    ) { request, core in
        var message = try await request.message(Shapes.keyValue)
        message.value = Data(Content.now([UInt8](message.value)).storedValue)
        let answer: RPCResponse<Immudb_Schema_Index> = try await core.upstream.call(
            ImmuService.set, message, request)
        let index = answer.message.index
        return Reply { if index != 0 { $0.field("index", number: index) } }
    }

    static let history = Route(
        .get, "history", parameter: .init(name: "key", type: .bytes), ImmuService.history,
        answer: .message(AnswerSchemas.history), "All entries of a key, the newest first."
    ) { request, core in
        let key = try request.bytes(.init(name: "key", type: .bytes))
        let answer: RPCResponse<Immudb_Schema_ItemList> = try await core.upstream.call(
            ImmuService.history, Immudb_Schema_Key.with { $0.key = Data(key) }, request)
        return Reply { text in
            guard !answer.message.items.isEmpty else { return }
            text.name("items")
            text.array { text in
                for item in answer.message.items { text.append(item) }
            }
        }
    }

    static let safeSet = Route(
        .post, "item/safe", ImmuService.safeSet, body: Shapes.safeSet.schema,
        answer: .message(AnswerSchemas.written), isVerified: true,
        "Sets a key to a value, with the time of the gateway, and verifies that it is stored."
    ) { request, core in
        let pair = try await request.message(Shapes.safeSet).kv
        return try await core.verifiedWrite(request) { client in
            try await client.verifiedSet([UInt8](pair.key), [UInt8](pair.value))
        }
    }

    static let safeReference = Route(
        .post, "safe/reference", ImmuService.safeReference, body: Shapes.safeReference.schema,
        answer: .message(AnswerSchemas.written), isVerified: true,
        "Gives a key a second name, and verifies that it is stored."
    ) { request, core in
        let options = try await request.message(Shapes.safeReference).ro
        return try await core.verifiedWrite(request) { client in
            try await client.verifiedReference(
                [UInt8](options.reference), to: [UInt8](options.key))
        }
    }

    static let safeZAdd = Route(
        .post, "safe/zadd", ImmuService.safeZAdd, body: Shapes.safeZAdd.schema,
        answer: .message(AnswerSchemas.written), isVerified: true,
        "Adds a key to a sorted set, and verifies that it is stored."
    ) { request, core in
        let options = try await request.message(Shapes.safeZAdd).zopts
        return try await core.verifiedWrite(request) { client in
            try await client.verifiedZAdd(
                [UInt8](options.key), to: [UInt8](options.set), score: options.score)
        }
    }

    static let safeGet = Route(
        .post, "item/safe/get", ImmuService.safeGet, body: Shapes.safeGet.schema,
        answer: .message(AnswerSchemas.verifiedItem), isVerified: true,
        "The newest entry of a key, verified to be in the ledger."
    ) { request, core in
        let key = [UInt8](try await request.message(Shapes.safeGet).key)
        let checked: CheckedEntry
        do {
            checked = try await core.upstream.client(for: request).checkedGet(key)
        } catch let error as VerificationError {
            try core.noteThrowingIfStrict(error)
            // immudb has returned no entry to answer with.
            throw GatewayError(.dataLoss, "\(error)")
        } catch let error as ClientError {
            try core.noteThrowingIfStrict(error)
            throw error
        }
        switch checked.result {
        case .success(let verified):
            core.noteVerified()
            return .item(verified.value, isVerified: true)
        case .failure(let error):
            try core.noteThrowingIfStrict(error)
            return .item(checked.entry, isVerified: false)
        }
    }
}

extension GatewayCore {
    fileprivate nonisolated(nonsending) func verifiedWrite(
        _ request: GatewayRequest, _ write: (ImmudbClient) async throws -> Verified<Entry>
    ) async throws -> Reply {
        let index: EntryIndex
        let isVerified: Bool
        do {
            index = try await write(try await upstream.client(for: request)).value.index
            isVerified = true
            noteVerified()
        } catch let error as VerificationError {
            try noteThrowingIfStrict(error, isWrite: true)
            index = try Self.acknowledgedIndex(error)
            isVerified = false
        } catch let error as ClientError {
            try noteThrowingIfStrict(error, isWrite: true)
            throw error
        }
        return Reply {
            $0.field("index", number: index.rawValue)
            $0.field("verified", bool: isVerified)
        }
    }

    /// Returns the index that immudb claims for a stored entry, although its proof is invalid.
    ///
    /// - Throws: the error for the caller if there is no such index, or it has another entry.
    private static func acknowledgedIndex(_ error: VerificationError) throws -> EntryIndex {
        guard !error.isRefusal else { throw GatewayError(.aborted, "\(isNotStored)\(error)") }
        guard error.code != .leafMismatch else {
            throw GatewayError(.unknown, "proof does not match the given item")
        }
        guard let index = error.index else { throw GatewayError(.dataLoss, "\(error)") }
        return index
    }
}

extension Reply {
    fileprivate static func item(_ entry: Entry, isVerified: Bool) -> Reply {
        let content = entry.content
        let payload = content?.payload ?? entry.value
        return Reply { text in
            text.field("key", bytes: entry.key)
            if payload.isEmpty {
                text.null("value")
            } else {
                text.field("value", bytes: payload)
            }
            text.field("index", number: entry.index.rawValue)
            text.field("time", number: content?.timestamp ?? 0)
            text.field("verified", bool: isVerified)
        }
    }
}

extension JSONText {
    /// Appends an entry of a history. A raw value is shown as it is stored, with time 0.
    fileprivate mutating func append(_ item: Immudb_Schema_Item) {
        let value = [UInt8](item.value)
        let content = Content(storedValue: value) ?? Content(timestamp: 0, payload: value)
        object { text in
            text.field("index", number: item.index)
            text.field("key", bytes: [UInt8](item.key))
            text.name("value")
            text.object { text in
                if content.timestamp != 0 { text.field("timestamp", number: content.timestamp) }
                if !content.payload.isEmpty { text.field("payload", bytes: content.payload) }
            }
        }
    }
}
