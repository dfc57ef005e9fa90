// Proves entries and trees: asks the gateway for proofs, verifies them, and moves the trusted root.

import { equal, toHex } from "./bytes.js";
import { CallError } from "./api.js";
import {
    VerificationFailure, joinPaths, leafDigest, sameTree, verifyConsistency, verifyInclusion,
} from "./merkle.js";
import { AlarmIsOn, FirstContact } from "./trust.js";

export class Prover {
    constructor(connection, trust) {
        this.connection = connection;
        this.trust = trust;
    }

    /**
     * Runs an action with a group of calls; a failed check in it raises the alarm, with these calls as evidence.
     * `facts` names the request: index and key of an entry.
     */
    async guarded(signal, facts, action) {
        const calls = this.connection.calls(signal);
        calls.checkIdentity = (identity) => this.trust.checkIdentity(identity);
        try {
            return await action(calls);
        } catch (error) {
            if (error instanceof VerificationFailure) this.trust.raise(error.completed(facts), calls.exchanges);
            throw error;
        }
    }

    /** The same, while no other action reads or moves the trusted root. `action` gets the calls and the root. */
    async trusting(signal, facts, action) {
        if (!window.isSecureContext) throw new CallError("proofs cannot be checked here: this page is not secure");
        return this.trust.exclusively(signal, () =>
            this.guarded(signal, facts, async (calls) => {
                if (this.trust.alarm) throw new AlarmIsOn();
                const trusted = this.trust.root;
                if (!trusted) throw new FirstContact();
                return action(calls, trusted);
            }));
    }

    /** Returns the identity and tree that a server shows before first contact: { server, tree }. */
    async firstSight(signal) {
        return this.guarded(signal, {}, async (calls) => {
            const tree = await calls.currentRoot();
            return { server: named(calls), tree };
        });
    }

    /** Verifies that the current tree begins with the trusted one. Returns the link between them. */
    observe(signal) {
        return this.trusting(signal, {}, async (calls, trusted) => {
            const tree = await calls.currentRoot();
            named(calls);
            const link = await this.link(calls, trusted, tree);
            this.trust.advance(tree);
            return link;
        });
    }

    /**
     * Proves one entry: its leaf, computed from the answer, the path to the root of a tree, and that this tree and
     * the trusted one belong to one history.
     *
     * - `entry`: an entry that the gateway returned before; without it, the entry is requested by its index.
     * - `key`: the key that it must have.
     */
    prove(index, { entry = null, key = null, signal = null } = {}) {
        const facts = { index, ...(key ?? entry?.key ? { key: key ?? entry.key } : {}) };
        return this.trusting(signal, facts, async (calls, trusted) => {
            const proven = entry ?? await known(calls.byIndex(index), index, trusted);
            facts.key ??= proven.key;
            if (proven.index !== index) {
                throw new VerificationFailure("wrongIndex", `the answer is entry ${proven.index}, not ${index}`);
            }
            if (key && !equal(proven.key, key)) {
                throw new VerificationFailure("wrongKey", "the answer is the entry of another key");
            }
            const leaf = await leafDigest(proven);
            const inclusion = await known(calls.inclusion(index), index, trusted);
            named(calls);
            const claimed = { trusted, claimed: inclusion.tree, path: inclusion.path };
            if (inclusion.index !== index) {
                throw new VerificationFailure(
                    "wrongIndex", `the proof is for index ${inclusion.index}, not ${index}`, claimed);
            }
            if (!equal(inclusion.leaf, leaf)) {
                throw new VerificationFailure(
                    "leafMismatch",
                    `the leaf of the proof is ${toHex(inclusion.leaf)}, but index, key and value give ${toHex(leaf)}`, claimed);
            }
            const steps = await verifyInclusion({ leaf, index, path: inclusion.path, tree: inclusion.tree });
            const link = await this.link(calls, trusted, inclusion.tree);
            this.trust.advance(inclusion.tree);
            return {
                server: this.trust.server, entry: proven, leaf, steps, path: inclusion.path, tree: inclusion.tree, link,
            };
        });
    }

    /** Verifies that a tree which a person enters belongs to one history with the trusted one. */
    compare(tree, signal) {
        return this.trusting(signal, {}, (calls, trusted) =>
            tree.size > trusted.size ? this.link(calls, trusted, tree) : this.link(calls, tree, trusted));
    }

    /** First contact by a root that a person enters: the server must prove that its tree begins with it. */
    async establish(server, tree, signal) {
        await this.trust.exclusively(signal, () => this.guarded(signal, {}, async (calls) => {
            const shown = await calls.currentRoot();
            if (named(calls) !== server) throw new CallError(`now server ${calls.identity} answers`);
            await this.link(calls, tree, shown);
            this.trust.establish(server, shown);
        }));
    }

    /**
     * Verifies that `newer` begins with `older`. If the server has grown meanwhile, it has no proof that ends at `newer`:
     * then the proofs from both trees to still later ones contain it (`joinPaths`).
     *
     * `newer` is from an answer that the server began after it had shown `older`, or it is the trusted tree.
     */
    async link(calls, older, newer) {
        let path = [];
        if (older.size > newer.size) {
            throw new VerificationFailure(
                "treeShrank",
                `the server has ${newer.size} entries, fewer than the ${older.size} that were trusted: its history was ` +
                    "cut, or an older copy restored",
                { trusted: older, claimed: newer });
        }
        if (older.size > 0n && older.size < newer.size) {
            const onward = await proofFrom(calls, older);
            if (onward.tree.size < newer.size) throw shrank(newer, onward.tree);
            if (sameTree(onward.tree, newer)) {
                path = onward.path;
            } else {
                await verifyConsistency(older, onward.tree, onward.path);
                if (onward.tree.size === newer.size) {
                    throw new VerificationFailure(
                        "consistencyFailed", `the server showed two trees of ${newer.size} entries`,
                        { trusted: onward.tree, claimed: newer });
                }
                const beyond = await proofFrom(calls, newer);
                if (beyond.tree.size < onward.tree.size) throw shrank(onward.tree, beyond.tree);
                await verifyConsistency(newer, beyond.tree, beyond.path);
                path = await joinPaths(
                    older, newer, { size: onward.tree.size, path: onward.path }, { size: beyond.tree.size, path: beyond.path });
            }
        }
        return { older, newer, path, ...await verifyConsistency(older, newer, path) };
    }
}

/** The server's identity. Standard routes always have it. */
function named(calls) {
    if (calls.identity === null) {
        throw new VerificationFailure("serverChanged", "the answers do not say which server they are of");
    }
    return calls.identity;
}

async function proofFrom(calls, tree) {
    const proof = await known(calls.consistency(tree.size - 1n), tree.size - 1n, tree);
    if (proof.first !== tree.size - 1n) {
        throw new VerificationFailure(
            "malformedProof", `the proof begins with entry ${proof.first}, not ${tree.size - 1n}`,
            { trusted: tree, claimed: proof.tree });
    }
    return proof;
}

/** "Not found" about an entry that a trusted tree has is evidence: the tree has become smaller. */
export async function known(call, index, trusted) {
    try {
        return await call;
    } catch (error) {
        if (error instanceof CallError && error.isNotFound && index < trusted.size) {
            throw new VerificationFailure(
                "treeShrank",
                `the server does not have entry ${index}, which is in the trusted tree of ${trusted.size} (it says ` +
                    `"${error.message}")`,
                { trusted });
        }
        throw error;
    }
}

function shrank(before, now) {
    return new VerificationFailure(
        "treeShrank", `the server showed ${before.size} entries, and then ${now.size}`, { trusted: before, claimed: now });
}
