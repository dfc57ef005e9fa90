import NIOCore

/// Conversations: calls whose client asks any number of questions, see `RPCMethod.conversation`.
extension ServerConnection {
    func beginConversation(_ request: consuming IncomingRequest, of active: ActiveCall) {
        let method = request.method
        let call = ServerCall(
            request, method, origin: origin,
            active: NIOLoopBound(active, eventLoop: loop.eventLoop))
        active.set(.conversing(call, Conversation(of: origin.account), OutgoingBody()))
        guard case .conversation(let interceptor?, _) = method.handler else { return }
        do throws(RPCError) {
            try interceptor(call)
        } catch {
            endConversation(active, Answer(error))
        }
    }

    func receivedQuestions(_ bytes: UnsafeRawBufferPointer, of active: ActiveCall) {
        if let refusal = active.conversation?.append(bytes) {
            endConversation(active, refusal)
        } else if !waiting.hasForTurn, active.hasQuestion, mayStart {
            answerQuestion(of: active)
        } else {
            awaitTurnOfQuestion(of: active)
        }
    }

    /// Queues a conversation if there is something to answer; `sendPending` starts it by `startWaiting`.
    func awaitTurnOfQuestion(of active: ActiveCall) {
        guard active.hasQuestion, !active.isWaiting else { return }
        active.conversation?.isWaiting = true
        waiting.append(active)
    }

    /// Answers one question. The next question waits until this answer was sent.
    func answerQuestion(of active: ActiveCall) {
        guard case .conversation(_, let answer)? = active.serverCall?.registered.handler,
            let conversation = active.conversation
        else { return }
        conversation.isWaiting = false
        switch conversation.next() {
        case .none: return
        case .refusal(let refusal): endConversation(active, refusal)
        case .question(let question):
            active.receivedMessageCount += 1
            do throws(RPCError) {
                outbox.putPart(try answer(question).bytes, of: active)
                active.sentMessageCount += 1
            } catch {
                return endConversation(active, Answer(error))
            }
            if active.hasRequestEnded { endConversation(ofRequestsEnded: active) }
            if draining.hasBegun { endRestingConversations() }
        }
    }

    /// Ends a conversation whose client asks no more questions, unless a question is unanswered.
    func endConversation(ofRequestsEnded active: ActiveCall) {
        guard let conversation = active.conversation, !conversation.hasNext else { return }
        endConversation(
            active,
            conversation.isEmpty
                ? Answer() : Answer(code: .internalError, text: "the request ends within a message")
        )
    }

    func endConversation(_ active: ActiveCall, _ answer: Answer) {
        guard let call = active.serverCall, call.claim() else { return }
        _ = call.release()
        sendAhead(answer, for: active)
    }

    func endRestingConversations() {
        for call in calls.restingConversations {
            endConversation(call, Answer(code: .unavailable, text: "the server is stopping"))
        }
    }
}
